// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <random>

namespace rollo::virt {

/// How long to wait before the next attempt: doubled each time, and a little uneven, so that many
/// agents do not come back in step.
/// Thread: main.
class BackOff {
  public:
    using Duration = std::chrono::milliseconds;

    BackOff(Duration first, Duration longest, unsigned seed)
        : first_(first), longest_(longest), next_(first), random_(seed) {}

    /// Between three quarters and the whole of the present step.
    Duration next();
    void reset() { next_ = first_; }

  private:
    Duration first_;
    Duration longest_;
    Duration next_;
    std::minstd_rand random_;
};

}  // namespace rollo::virt
