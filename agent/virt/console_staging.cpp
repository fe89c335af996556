// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_staging.hpp"

#include <algorithm>
#include <utility>

namespace rollo::virt {

void ConsoleStaging::append(std::string_view bytes) {
    if (bytes.size() > most_) {
        waiting_.dropped += bytes.size() - most_;
        bytes.remove_prefix(bytes.size() - most_);
    }
    if (waiting_.bytes.size() + bytes.size() > most_) {
        // Some more at once, so that a flood that nobody takes does not move everything each time.
        const std::size_t excess = waiting_.bytes.size() + bytes.size() - most_;
        const std::size_t dropped = std::min(std::max(excess, most_ / 8), waiting_.bytes.size());
        waiting_.bytes.erase(0, dropped);
        waiting_.dropped += dropped;
    }
    waiting_.bytes += bytes;
}

bool ConsoleStaging::toTell() {
    if (waiting_.bytes.empty()) return false;
    return !std::exchange(told_, true);
}

core::ConsoleOutput ConsoleStaging::take() {
    told_ = false;
    return std::exchange(waiting_, {});
}

}  // namespace rollo::virt
