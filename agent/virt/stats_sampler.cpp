// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/stats_sampler.hpp"

#include <algorithm>
#include <utility>

#include "common/log.hpp"

namespace rollo::virt {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// Between two looks at the monitors of a slow round.
constexpr milliseconds lookInterval{50};
/// Looking may take at most one part in so many of the time.
constexpr int lookShare = 5;

milliseconds since(Clock::time_point begin) {
    return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
}

}  // namespace

StatsSampler::StatsSampler(const Settings& settings, std::shared_ptr<EventLoop> loop,
                           std::shared_ptr<Outlet> outlet)
    : settings_(settings),
      loop_(std::move(loop)),
      outlet_(std::move(outlet)),
      results_(std::make_shared<common::TaskQueue>()),
      rounds_("virt-sampler", settings, results_),
      looks_("virt-monitors", settings, results_),
      pools_(settings, results_) {}

StatsSampler::~StatsSampler() {
    roundEnd_->tell();
    results_->close();
}

void StatsSampler::resume(common::Monotonic now) {
    running_ = true;
    next_ = now;
    pools_.resume(now);
    listenTo(++generation_);
}

void StatsSampler::pause() {
    if (!std::exchange(running_, false)) return;
    listenTo(0);
    roundEnd_->tell();
    rounds_.close();
    looks_.close();
    pools_.pause();
    plan_ = {};
}

void StatsSampler::setInterval(milliseconds interval) {
    settings_.sampleInterval = interval;
    next_ = std::min(next_, Clock::now() + interval);
    pools_.setInterval(interval);
}

/// A host so large that a round takes long gets the time that it needs.
milliseconds StatsSampler::deadline() const {
    return std::max(settings_.effectiveSampleDeadline(), 2 * lastDuration_);
}

/// For how long a round may take before the monitors are looked at. Where some hang, others are
/// likely to follow.
milliseconds StatsSampler::patience() const {
    return stuck_.size() > 0 ? hungAfter : std::max(hungAfter, 2 * lastDuration_);
}

/// One call more may hang afterwards: that of the next round.
bool StatsSampler::mayLeaveBehind() const {
    return stuck_.size() + 1 < settings_.maxStuckCalls;
}

void StatsSampler::tick(common::Monotonic now) {
    results_->drain();
    stuck_.reap();
    pools_.tick(now);
    if (rounds_.overdue(now, deadline()) && mayLeaveBehind()) leaveRoundBehind(std::nullopt, now);
    if (looks_.overdue(now, deadline()) && mayLeaveBehind())
        stuck_.add(looks_.leaveBehind(), std::nullopt, now);
    if (!running_ || now < next_ || rounds_.busy()) return;
    const auto interval = settings_.sampleInterval;
    next_ += (now - next_) / interval * interval + interval;
    beginRound(now);
}

void StatsSampler::leaveRoundBehind(std::optional<proto::Uuid> guest, common::Monotonic now) {
    common::log::notice("a statistics call hangs, {}: it is left behind with its connection",
                        guest ? "in the monitor of " + guest->toString() : "no monitor tells why");
    ++givenUp_;
    roundEnd_->tell();
    stuck_.add(rounds_.leaveBehind(), guest, now);
    if (running_) listenTo(++generation_);
}

void StatsSampler::beginRound(common::Monotonic now) {
    roundEnd_ = std::make_shared<RoundEnd>();
    roundBegan_ = now;
    if (!mayLeaveBehind()) return rounds_.post(carefulRound());
    plan_ = {};
    rounds_.post(plainRound());
    if (!looks_.busy()) watchRound(patience());
}

SampleLane::Task StatsSampler::plainRound() {
    return [this, tell = teller(), limit = deadline()](SampleSession& session) -> SampleLane::Done {
        const auto began = Clock::now();
        tell(session.sampleAll(limit));
        return [this, took = since(began)] { roundDone(took); };
    };
}

SampleLane::Task StatsSampler::carefulRound() {
    return [this, tell = teller(), limit = deadline(),
            plan = plan_](SampleSession& session) mutable -> SampleLane::Done {
        const auto began = Clock::now();
        const Choice choice = plan.choose(session.look(), began, limit);
        auto sample = session.sampleSome(choice.ask, limit);
        std::ranges::copy(choice.silent, std::back_inserter(sample.silent));
        std::ranges::copy(choice.unresponsive, std::back_inserter(sample.unresponsive));
        tell(std::move(sample));
        return [this, plan = std::move(plan), took = since(began)] {
            plan_ = plan;
            roundDone(took);
        };
    };
}

std::function<void(core::SampleTaken)> StatsSampler::teller() const {
    return [loop = loop_, outlet = outlet_, generation = generation_,
            pools = pools_.latest()](core::SampleTaken taken) {
        if (taken.host) taken.host->pools = pools;
        loop->post([outlet, generation, sample = std::move(taken)]() mutable {
            outlet->sampled(generation, std::move(sample));
        });
    };
}

void StatsSampler::roundDone(milliseconds took) {
    lastDuration_ = took;
    roundEnd_->tell();
}

/// A monitor need not be asked to tell that it hangs: no need to wait for the deadline.
void StatsSampler::watchRound(milliseconds wait) {
    wait = std::min(wait, deadline() / 2);
    looks_.post([this, wait, end = roundEnd_](SampleSession& session) -> SampleLane::Done {
        if (end->comesWithin(wait)) return nullptr;
        const auto began = Clock::now();
        auto looks = session.look();
        return [this, end, looks = std::move(looks), took = since(began)] {
            if (end == roundEnd_ && rounds_.busy()) roundIsSlow(looks, took);
        };
    });
}

void StatsSampler::roundIsSlow(const Looks& looks, milliseconds looking) {
    const auto now = Clock::now();
    const auto guest = stuck_.heldUpBy(looks, roundBegan_, now);
    if (!guest) return watchRound(std::max(lookInterval, lookShare * looking));
    leaveRoundBehind(guest, now);
    beginRound(now);
}

void StatsSampler::listenTo(Generation generation) {
    loop_->post([outlet = outlet_, generation] { outlet->listenToSampler(generation); });
}

bool StatsSampler::finish(milliseconds limit) {
    const auto begin = Clock::now();
    const bool rounds = rounds_.finish(limit);
    const bool looks = looks_.finish(std::max(limit - since(begin), milliseconds(0)));
    const bool pools = pools_.finish(std::max(limit - since(begin), milliseconds(0)));
    return rounds && looks && pools && stuck_.size() == 0;
}

}  // namespace rollo::virt
