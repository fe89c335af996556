// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/back_off.hpp"

#include <algorithm>

namespace rollo::virt {

BackOff::Duration BackOff::next() {
    const auto whole = next_.count();
    next_ = std::min(2 * next_, longest_);
    std::uniform_int_distribution<Duration::rep> uneven(whole - whole / 4, whole);
    return Duration(uneven(random_));
}

}  // namespace rollo::virt
