// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/stats_sampler.hpp"

#include <algorithm>
#include <utility>

#include "common/log.hpp"

namespace rollo::virt {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// A daemon has some twenty workers for all its clients.
constexpr std::size_t mostStuck = 3;
/// A probe is sent only while two calls may still hang: itself, and the next round.
constexpr std::size_t mostStuckToProbe = mostStuck - 2;

void append(std::vector<proto::Uuid>& all, const std::vector<proto::Uuid>& more) {
    all.insert(all.end(), more.begin(), more.end());
}

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
      probes_("virt-prober", settings, results_) {}

StatsSampler::~StatsSampler() {
    results_->close();
}

void StatsSampler::resume(common::Monotonic now) {
    running_ = true;
    next_ = now;
    nextGeneration();
}

void StatsSampler::pause() {
    if (!std::exchange(running_, false)) return;
    listenTo(0);
    rounds_.close();
    probes_.close();
    plan_ = {};
}

void StatsSampler::setInterval(milliseconds interval) {
    settings_.sampleInterval = interval;
    next_ = std::min(next_, Clock::now() + interval);
}

/// A host so large that a round takes long gets the time that it needs.
milliseconds StatsSampler::deadline() const {
    return std::max(settings_.effectiveSampleDeadline(), 2 * lastDuration_);
}

SamplePlan::Limits StatsSampler::limits() const {
    return {.unresponsive = deadline()};
}

void StatsSampler::tick(common::Monotonic now) {
    results_->drain();
    if (stuck_.reap() > 0) plan_.tryAgain();
    watchForSlowRound(now);
    watch(rounds_, now);
    watch(probes_, now);
    if (!running_) return;
    if (now >= next_ && !rounds_.busy()) beginRound(now);
    if (careful() && !probes_.busy() && stuck_.size() <= mostStuckToProbe) beginProbe(now);
}

void StatsSampler::watch(SampleLane& lane, common::Monotonic now) {
    if (lane.overdue(now, deadline())) leaveBehind(lane);
}

void StatsSampler::leaveBehind(SampleLane& lane) {
    if (stuck_.size() >= mostStuck) return;
    common::log::notice("a statistics call hangs: it is left behind with its connection");
    ++givenUp_;
    lane.leaveBehind(stuck_);
    if (&lane == &rounds_ && running_) nextGeneration();
}

/// A round that takes long may hang. The monitors tell, without being asked; and everybody's CPU
/// time is noted, so that the first careful round can tell who lives.
void StatsSampler::watchForSlowRound(common::Monotonic now) {
    if (!running_ || lookedAtRound_ || !rounds_.busy() || probes_.busy()) return;
    if (now - roundBegan_ < deadline() / 4) return;
    lookedAtRound_ = true;
    probes_.post([this, began = roundBegan_](SampleSession& session) -> SampleLane::Done {
        auto looks = session.look();
        const auto elapsed = since(began);
        return [this, looks = std::move(looks), began, elapsed] {
            if (roundBegan_ == began && rounds_.busy()) roundIsSlow(looks, elapsed);
        };
    });
}

/// No need to wait for the deadline when a monitor is seen to hang in the round's own call.
void StatsSampler::roundIsSlow(const Looks& looks, milliseconds elapsed) {
    if (!careful()) plan_.baseline(looks);
    const auto stuck = limits().stuck;
    for (const Look& look : looks) {
        if (look.job || !look.occupied || *look.occupied < stuck) continue;
        if (*look.occupied > elapsed + stuck) continue;  // it has hung for longer than the round
        leaveBehind(rounds_);
        return;
    }
}

void StatsSampler::beginRound(common::Monotonic now) {
    const auto interval = settings_.sampleInterval;
    next_ += (now - next_) / interval * interval + interval;
    roundBegan_ = now;
    lookedAtRound_ = false;
    if (careful()) {
        rounds_.post(carefulRound());
        return;
    }
    plan_ = {};
    rounds_.post(plainRound());
}

SampleLane::Task StatsSampler::plainRound() {
    return [this, loop = loop_, outlet = outlet_, generation = generation_,
            limits = limits()](SampleSession& session) -> SampleLane::Done {
        const auto begin = Clock::now();
        session.setLimits(limits);
        auto sample = session.sampleAll();
        loop->post([outlet, generation, sample = std::move(sample)]() mutable {
            outlet->sampled(generation, std::move(sample));
        });
        return [this, took = since(begin)] { lastDuration_ = took; };
    };
}

SampleLane::Task StatsSampler::carefulRound() {
    return [this, loop = loop_, outlet = outlet_, generation = generation_, plan = plan_,
            limits = limits()](SampleSession& session) mutable -> SampleLane::Done {
        session.setLimits(limits);
        const auto now = Clock::now();
        auto looks = session.look();
        const Choice choice = plan.choose(looks, now, limits);
        auto sample = session.sampleSome(choice.ask);
        append(sample.silent, choice.silent);
        append(sample.unresponsive, choice.unresponsive);
        loop->post([outlet, generation, sample = std::move(sample)]() mutable {
            outlet->sampled(generation, std::move(sample));
        });
        // The plan may have learned from a probe meanwhile, so it is told the same once more.
        return [this, looks = std::move(looks), now, limits, took = since(now)] {
            plan_.choose(looks, now, limits);
            lastDuration_ = took;
        };
    };
}

void StatsSampler::beginProbe(common::Monotonic now) {
    const auto uuid = plan_.nextProbe(now, limits());
    if (!uuid) return;
    plan_.probing(*uuid, now, limits());
    probes_.post([this, uuid = *uuid](SampleSession& session) -> SampleLane::Done {
        if (!session.probe(uuid)) return nullptr;
        return [this, uuid] { plan_.answered(uuid, Clock::now(), limits()); };
    });
}

void StatsSampler::listenTo(Generation generation) {
    loop_->post([outlet = outlet_, generation] { outlet->listenToSampler(generation); });
}

bool StatsSampler::finish(milliseconds limit) {
    const auto begin = Clock::now();
    const bool rounds = rounds_.finish(limit);
    const bool probes = probes_.finish(std::max(limit - since(begin), milliseconds(0)));
    return rounds && probes && stuck_.size() == 0;
}

}  // namespace rollo::virt
