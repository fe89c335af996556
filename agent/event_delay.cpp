// SPDX-License-Identifier: Apache-2.0
#include "agent/event_delay.hpp"

#include <algorithm>

namespace rollo::agent {

void EventDelay::sent(common::Monotonic now) {
    for (const auto callback : waiting_) {
        const std::chrono::duration<double> delay = now - callback;
        const auto bound = std::ranges::lower_bound(bounds, delay.count());
        ++counts_[static_cast<std::size_t>(bound - bounds.begin())];
        sum_ += delay;
    }
    waiting_.clear();
}

}  // namespace rollo::agent
