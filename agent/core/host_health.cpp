// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <string>

#include "agent/core/host.hpp"

namespace rollo::core {
namespace {

using proto::ServerStatus;
using std::chrono::milliseconds;

/// How many samples may be missing, and how long a call for one may take.
constexpr int samplesMissing = 3;
constexpr milliseconds longestCall{10000};

/// For how long a change must last before it is told: the next sample may find it over.
milliseconds hold(milliseconds sampleInterval) {
    return std::clamp(2 * sampleInterval, milliseconds(5000), milliseconds(15000));
}

bool isHeldUp(const proto::PoolMetrics& pool) {
    return pool.stale && pool.state != "inactive";
}

}  // namespace

void Host::beginHealthy(const common::Now& now) {
    sampledAt_ = now.mono;
    unfitSince_.reset();
    setServerStatus(ServerStatus::online, "connected", now);
}

/// Why libvirt answers partly only, as a word of the protocol; empty where it answers.
std::string_view Host::trouble(const common::Now& now) const {
    const auto samplesDue = std::max(samplesMissing * settings_.sampleInterval, longestCall);
    if (now.mono - sampledAt_ > samplesDue) return "no_samples";
    for (const auto& [uuid, vm] : state_.vms)
        if (vm.info.status == proto::VmStatus::unresponsive) return "monitor_timeout";
    const auto& metrics = state_.serverMetrics;
    if (metrics && metrics->pools && std::ranges::any_of(*metrics->pools, isHeldUp))
        return "storage_timeout";
    return {};
}

void Host::judgeHealth(const common::Now& now) {
    const bool degraded = state_.server.status == ServerStatus::degraded;
    if (!degraded && state_.server.status != ServerStatus::online) return;
    const std::string why(trouble(now));
    if (why.empty() != degraded) return unfitSince_.reset();
    if (!unfitSince_) unfitSince_ = now.mono;
    if (now.mono - *unfitSince_ < hold(settings_.sampleInterval)) return;
    unfitSince_.reset();
    hub_.forgetSnapshots();
    if (why == "no_samples") state_.timeline.breakOff(now.mono);
    if (degraded)
        setServerStatus(ServerStatus::online, "recovered", now);
    else
        setServerStatus(ServerStatus::degraded, why, now);
}

}  // namespace rollo::core
