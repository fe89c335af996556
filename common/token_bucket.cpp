// SPDX-License-Identifier: Apache-2.0
#include "common/token_bucket.hpp"

#include <algorithm>
#include <cmath>

namespace rollo::common {

bool TokenBucket::take(double amount, const Rate& rate, Monotonic now) {
    missing_ = missingAt(rate, now);
    last_ = now;
    if (missing_ + amount > rate.burst) return false;
    missing_ += amount;
    return true;
}

std::chrono::milliseconds TokenBucket::untilFull(const Rate& rate, Monotonic now) const {
    return until(rate.burst, rate, now);
}

std::chrono::milliseconds TokenBucket::until(double amount, const Rate& rate, Monotonic now) const {
    const double tooMuch = missingAt(rate, now) + amount - rate.burst;
    const double seconds = std::max(0.0, tooMuch) / rate.perSecond;
    return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
}

double TokenBucket::missingAt(const Rate& rate, Monotonic now) const {
    const double passed = std::chrono::duration<double>(now - last_).count();
    return std::max(0.0, missing_ - std::max(0.0, passed) * rate.perSecond);
}

}  // namespace rollo::common
