// SPDX-License-Identifier: Apache-2.0
#include "agent/server/loop_lag.hpp"

#include <algorithm>
#include <utility>

namespace rollo::server {

namespace {

constexpr std::chrono::minutes period{1};

}  // namespace

void LoopLag::turn(Duration busy, common::Monotonic now) {
    if (now - began_ >= period) roll(now);
    current_ = std::max(current_, busy);
    ever_ = std::max(ever_, busy);
    if (busy >= stall) ++stalls_;
}

void LoopLag::roll(common::Monotonic now) {
    const bool follows = now - std::exchange(began_, now) < 2 * period;
    const Duration ended = std::exchange(current_, Duration(0));
    previous_ = follows ? ended : Duration(0);
}

}  // namespace rollo::server
