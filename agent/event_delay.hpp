// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

#include "common/clock.hpp"

namespace rollo::agent {

/// How long the agent itself makes clients wait for what libvirt tells: from the callback until the
/// event has gone to the sockets.
/// Thread: main.
class EventDelay {
  public:
    /// In seconds.
    static constexpr std::array bounds{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                       0.025,   0.05,   0.1,   0.25,   1.0};

    /// The event of a callback that came at that time is about to be told.
    void told(common::Monotonic callback) { waiting_.push_back(callback); }
    /// All that was told has gone to the sockets, as far as they took it.
    void sent(common::Monotonic now);

    std::span<const std::uint64_t> counts() const { return counts_; }
    std::chrono::duration<double> sum() const { return sum_; }

  private:
    std::vector<common::Monotonic> waiting_;
    std::array<std::uint64_t, bounds.size() + 1> counts_{};
    std::chrono::duration<double> sum_{0};
};

}  // namespace rollo::agent
