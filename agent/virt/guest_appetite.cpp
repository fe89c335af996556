// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/guest_appetite.hpp"

#include <libvirt/virterror.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace rollo::virt {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t mostUnproven = 6144;
constexpr milliseconds longestPause{500};

bool stands(const virDomainInfo& info) {
    return info.state == VIR_DOMAIN_PAUSED || info.state == VIR_DOMAIN_PMSUSPENDED;
}

}  // namespace

bool GuestAppetite::wait(const std::atomic<bool>& enough) {
    for (milliseconds pause{2}; !enough; pause = std::min(2 * pause, longestPause)) {
        virDomainInfo info{};
        if (virDomainGetInfo(domain_.get(), &info) < 0)
            return virGetLastErrorCode() != VIR_ERR_NO_DOMAIN;
        if (info.state == VIR_DOMAIN_SHUTOFF) return false;
        const bool printed = printed_.exchange(false);
        if (printed || info.cpuTime != cpuTimeNs_) {
            cpuTimeNs_ = info.cpuTime;
            unproven_ = 0;
        }
        if (!stands(info) && unproven_ < mostUnproven) return true;
        std::this_thread::sleep_for(pause);
    }
    return true;
}

}  // namespace rollo::virt
