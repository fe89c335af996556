// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/guest_appetite.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace rollo::virt {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t mostUnproven = 8192;
constexpr milliseconds longestPause{500};
constexpr milliseconds untilTrusted{250};

bool stands(const virDomainInfo& info) {
    return info.state == VIR_DOMAIN_PAUSED || info.state == VIR_DOMAIN_PMSUSPENDED;
}

}  // namespace

bool GuestAppetite::wait(const std::atomic<bool>& enough) {
    milliseconds waited{0};
    for (milliseconds pause{5}; !enough; pause = std::min(2 * pause, longestPause)) {
        virDomainInfo info{};
        if (virDomainGetInfo(domain_.get(), &info) < 0) return false;
        if (info.cpuTime != cpuTimeNs_) {
            cpuTimeNs_ = info.cpuTime;
            unproven_ = 0;
        }
        if (stands(info)) waited = milliseconds(0);
        if (waited >= untilTrusted) unproven_ = 0;
        if (!stands(info) && unproven_ < mostUnproven) return true;
        std::this_thread::sleep_for(pause);
        waited += pause;
    }
    return true;
}

}  // namespace rollo::virt
