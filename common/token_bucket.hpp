// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "common/clock.hpp"

namespace rollo::common {

/// Bounds how much of something may happen: so much a second in the long run, and a burst at once
/// after quiet. It begins full.
class TokenBucket {
  public:
    struct Rate {
        double perSecond;  ///< above 0
        double burst;      ///< how much a full bucket holds
    };

    /// Takes `amount` out. False: there is not so much in it, and nothing is taken.
    bool take(double amount, const Rate& rate, Monotonic now);
    /// How long until that `amount` can be taken, if nothing is taken meanwhile.
    std::chrono::milliseconds until(double amount, const Rate& rate, Monotonic now) const;
    /// How long until it is full again, if nothing is taken meanwhile.
    std::chrono::milliseconds untilFull(const Rate& rate, Monotonic now) const;

  private:
    double missingAt(const Rate& rate, Monotonic now) const;

    double missing_ = 0;  ///< of a full bucket, at `last_`
    Monotonic last_{};
};

}  // namespace rollo::common
