// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/outlet.hpp"

#include <algorithm>
#include <utility>

namespace rollo::virt {

namespace {

/// For so long libvirt may still show a job of which it has said that it is over.
constexpr std::chrono::milliseconds lingering{500};
/// No look takes so long.
constexpr std::chrono::minutes longAgo{1};

}  // namespace

void Outlet::opened(Generation generation, core::HostDescription host) {
    if (generation <= ended_) return;
    open_ = generation;
    toldLost_ = false;
    report(core::ConnectionOpened{std::move(host)});
}

void Outlet::lost(Generation generation, const std::string& reason) {
    ended_ = std::max(ended_, generation);
    if (open_ != 0 && open_ > generation) return;
    open_ = 0;
    jobsEnded_.clear();
    if (!std::exchange(toldLost_, true)) report(core::ConnectionLost{reason});
}

void Outlet::tell(Generation generation, core::Observation observation) {
    if (generation != open_) return;
    if (const auto* ended = std::get_if<core::JobEnded>(&observation)) {
        const auto now = std::chrono::steady_clock::now();
        std::erase_if(jobsEnded_, [&](const auto& job) { return now - job.second > longAgo; });
        jobsEnded_[{ended->job.domain.uuid, ended->job.disk}] = now;
    }
    report(std::move(observation));
}

void Outlet::sampled(Generation generation, core::SampleTaken sample) {
    if (generation == sampler_ && open_ != 0) report(std::move(sample));
}

void Outlet::jobsSeen(Generation generation, common::Monotonic began, core::JobsSeen seen) {
    if (generation != open_) return;
    std::erase_if(jobsEnded_, [&](const auto& job) { return job.second + lingering <= began; });
    std::erase_if(seen.jobs, [this](const core::JobSeen& each) {
        return jobsEnded_.contains({each.job.domain.uuid, each.job.disk});
    });
    report(std::move(seen));
}

}  // namespace rollo::virt
