// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/clock.hpp"
#include "proto/events.hpp"
#include "proto/history.hpp"

/// What clients are shown of the last minutes when they come. Pure: time is an argument.
namespace rollo::core {

/// Counts the moments that a Timeline kept, from 0.
using Slot = std::uint64_t;

/// The moments of which figures are kept, one for all VMs and the host, because they are sampled
/// together. Samples that follow each other faster than `step` are thinned: some of them count.
class Timeline {
  public:
    static constexpr std::chrono::seconds step{5};
    static constexpr std::chrono::minutes lasts{15};
    static constexpr std::size_t slots = lasts / step;

    /// Where the figures of samples taken then are to be put; nothing where those before them are
    /// too near.
    std::optional<Slot> open(common::Monotonic at);
    /// Nothing is known from then on, until the next sample: a moment of which nobody has figures.
    void breakOff(common::Monotonic at);

    /// The oldest slot that is not older than `lasts`.
    Slot begin(common::Monotonic now) const;
    proto::HistoryTimes times(common::Monotonic now) const;

  private:
    Slot append(common::Monotonic at);

    std::array<common::Monotonic, slots> at_{};
    Slot next_ = 0;
    std::optional<common::Monotonic> opened_;  ///< the last that was no break
    bool broken_ = true;
};

/// The figures of one VM or of the host at the moments of a Timeline. Takes `4 × 6 × 180` bytes
/// from the first figure on, and next to nothing before.
class Series {
  public:
    /// In rising order of slots; those between have no figures.
    void put(Slot slot, const proto::HistoryRow& row);
    /// The rows from that slot on. Points into this.
    proto::HistorySeries since(Slot begin) const;
    std::size_t bytes() const {
        return sizeof(*this) + rows_.capacity() * sizeof(proto::HistoryRow);
    }

  private:
    std::vector<proto::HistoryRow> rows_;  ///< that of a slot stands at slot % Timeline::slots
    Slot first_ = 0;                       ///< the rows of first_ to next_ - 1 are there
    Slot next_ = 0;
};

proto::HistoryRow historyRow(const proto::VmMetrics& metrics);
proto::HistoryRow historyRow(const proto::ServerMetrics& metrics);

}  // namespace rollo::core
