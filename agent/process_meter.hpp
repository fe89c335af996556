// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "common/clock.hpp"

namespace rollo::agent {

/// What this process uses, as the kernel counts it. Reads files of /proc/self that never wait for a
/// disk or a lock, and seldom: with thousands of descriptors counting them takes a moment.
/// Thread: main.
class ProcessMeter {
  public:
    /// What was read is good for so long.
    static constexpr std::chrono::seconds interval{4};

    struct Figures {
        double cpuSeconds = 0;            ///< of all threads, user and system (getrusage(2))
        std::uint64_t residentBytes = 0;  ///< /proc/self/statm
        std::uint64_t openFds = 0;        ///< entries of /proc/self/fd
    };

    explicit ProcessMeter(const common::Now& start) : start_(start) {}

    const Figures& figures(common::Monotonic now);
    double uptimeSeconds(common::Monotonic now) const;
    common::WallClock startedAt() const { return start_.wall; }

  private:
    common::Now start_;
    common::Monotonic readAt_{};
    Figures figures_;
};

}  // namespace rollo::agent
