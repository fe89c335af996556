// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "common/clock.hpp"

namespace rollo::server {

/// How long the main loop makes what has arrived wait: the time that each of its turns is busy.
/// Something that blocks shows here, whoever calls it.
/// Thread: main.
class LoopLag {
  public:
    using Duration = std::chrono::nanoseconds;
    /// A turn that is busy for longer is one in which something may have waited.
    static constexpr std::chrono::milliseconds stall{100};

    /// A turn has ended at `now` in which the loop was busy, not waiting, for so long.
    void turn(Duration busy, common::Monotonic now);

    /// The longest turn of the last minute, or up to two.
    Duration longest() const { return current_ > previous_ ? current_ : previous_; }
    /// The longest since the start.
    Duration longestEver() const { return ever_; }
    std::uint64_t stalls() const { return stalls_; }

  private:
    void roll(common::Monotonic now);

    common::Monotonic began_{};
    Duration current_{0};
    Duration previous_{0};
    Duration ever_{0};
    std::uint64_t stalls_ = 0;
};

}  // namespace rollo::server
