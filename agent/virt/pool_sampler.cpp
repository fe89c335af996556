// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/pool_sampler.hpp"

#include <algorithm>
#include <utility>

#include "common/log.hpp"

namespace rollo::virt {

namespace {

using std::chrono::milliseconds;

/// Reading may take at most one part in so many of the time.
constexpr int readingShare = 20;
/// Each holds a thread of ours.
constexpr std::size_t mostStuck = 4;

}  // namespace

PoolSampler::PoolSampler(const Settings& settings,
                         const std::shared_ptr<common::TaskQueue>& results)
    : settings_(settings), lane_("virt-pools", settings, results) {}

void PoolSampler::resume(common::Monotonic now) {
    running_ = true;
    next_ = now;
}

void PoolSampler::pause() {
    if (!std::exchange(running_, false)) return;
    lane_.close();
    latest_.reset();
}

void PoolSampler::setInterval(milliseconds interval) {
    settings_.sampleInterval = interval;
    next_ = std::min(next_, std::chrono::steady_clock::now() + interval);
}

bool PoolSampler::mayRead() const {
    const auto inLibvirt = [](const Stuck& call) { return !call.fileSystemOf; };
    return stuck_.size() < mostStuck && std::ranges::none_of(stuck_, inLibvirt);
}

void PoolSampler::tick(common::Monotonic now) {
    std::erase_if(stuck_, [](const Stuck& call) { return call.token.expired(); });
    if (lane_.overdue(now, settings_.effectiveSampleDeadline())) leaveBehind();
    if (reading_ && !lane_.busy()) {
        reading_ = false;  // it failed, and lost its connection
        markStale();
    }
    if (running_ && now >= next_ && !lane_.busy() && mayRead()) read(now);
}

void PoolSampler::read(common::Monotonic now) {
    std::set<proto::Uuid> avoided;
    for (const Stuck& call : stuck_) avoided.insert(*call.fileSystemOf);
    walk_ = std::make_shared<PoolWalk>(std::move(avoided));
    reading_ = true;
    began_ = now;
    next_ = now + settings_.sampleInterval;
    lane_.post([this, walk = walk_](PoolSession& session) -> PoolLane::Done {
        return [this, pools = session.read(*walk)]() mutable { take(std::move(pools)); };
    });
}

void PoolSampler::take(core::Pools pools) {
    reading_ = false;
    for (auto& pool : pools) {
        if (!pool.stale || !latest_) continue;
        const auto before = std::ranges::find(*latest_, pool.uuid, &core::PoolSample::uuid);
        if (before == latest_->end() || !before->capacityBytes) continue;
        pool = *before;
        pool.stale = true;
    }
    latest_ = std::move(pools);
    const auto now = std::chrono::steady_clock::now();
    next_ = std::max(next_, now + readingShare * (now - began_));
}

void PoolSampler::leaveBehind() {
    const auto inside = walk_->inside();
    common::log::notice("reading the storage pools hangs, {}: it is left behind",
                        inside ? "in the file system of pool " + inside->toString() : "in libvirt");
    ++givenUp_;
    reading_ = false;
    stuck_.push_back({lane_.leaveBehind(), inside});
    markStale();
}

void PoolSampler::markStale() {
    if (!latest_) return;
    for (auto& pool : *latest_) pool.stale = true;
}

bool PoolSampler::finish(milliseconds limit) {
    return lane_.finish(limit) && stuck_.empty();
}

}  // namespace rollo::virt
