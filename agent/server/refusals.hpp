// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/server/counters.hpp"
#include "common/clock.hpp"

namespace rollo::server {

/// Counts what was refused and tells the log, which a stranger must not be able to flood: the first
/// refusal for a reason is a line at once, those that follow within some seconds are one line
/// together.
/// Thread: main.
class Refusals {
  public:
    static constexpr std::chrono::seconds betweenLines{10};

    explicit Refusals(Counters& counters) : counters_(counters) {}
    Refusals(const Refusals&) = delete;
    Refusals& operator=(const Refusals&) = delete;

    /// `peer`: its address as people write it. `detail`: words of ours, for the first line.
    void note(Refused reason, std::string_view peer, common::Monotonic now,
              std::string_view detail = {});
    /// Writes the lines that are due. About once a second.
    void tick(common::Monotonic now);

  private:
    struct Held {
        std::uint64_t count = 0;
        std::string lastPeer;
        common::Monotonic next{};  ///< no line before
    };

    Counters& counters_;
    std::array<Held, refusalReasons> held_;
};

}  // namespace rollo::server
