// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/job_watcher.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/log.hpp"

namespace rollo::virt {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

void tellLog(const core::JobsSeen& seen, bool everybody, milliseconds took) {
    common::log::trace("jobs of {}: {} seen, {} guests silent, in {} ms",
                       everybody ? "everybody" : "some", seen.jobs.size(), seen.silent.size(),
                       took.count());
    for (const auto& guest : seen.silent)
        common::log::trace("jobs: {} is silent", guest.toString());
    for (const auto& [job, figures] : seen.jobs)
        common::log::trace("job: {} '{}' kind {}, {} of {} bytes, {} left{}", job.domain.name,
                           job.disk, static_cast<int>(figures.kind),
                           figures.bytesProcessed.value_or(0), figures.bytesTotal.value_or(0),
                           figures.bytesRemaining.value_or(0),
                           figures.mirroring ? ", mirroring" : "");
}

}  // namespace

JobWatcher::JobWatcher(const Settings& settings, std::shared_ptr<EventLoop> loop,
                       std::shared_ptr<Outlet> outlet)
    : settings_(settings),
      loop_(std::move(loop)),
      outlet_(std::move(outlet)),
      results_(std::make_shared<common::TaskQueue>()),
      lane_("virt-jobs", settings, results_),
      schedule_(settings.jobInterval, settings.jobFastInterval) {}

JobWatcher::~JobWatcher() {
    results_->close();
}

std::function<void(const proto::Uuid&)> JobWatcher::hinter() {
    return [results = results_, this](const proto::Uuid& domain) {
        results->post([this, domain] { schedule_.hint(domain, Clock::now()); });
    };
}

void JobWatcher::resume(common::Monotonic now, Generation generation) {
    running_ = true;
    supported_ = true;
    generation_ = generation;
    schedule_.reset(now);
}

void JobWatcher::pause() {
    if (!std::exchange(running_, false)) return;
    lane_.close();
    plan_ = {};
}

void JobWatcher::tick(common::Monotonic now) {
    results_->drain();
    stuck_.reap();
    if (lane_.overdue(now, settings_.jobDeadline) && mayLeaveBehind()) leaveBehind(now);
    if (!running_ || !supported_ || lane_.busy()) return;
    auto question = schedule_.take(now);
    if (!question) return;
    question->leftOut = stuck_.leftOut(now, settings_.jobInterval);
    look(std::move(*question));
}

void JobWatcher::leaveBehind(common::Monotonic now) {
    const auto guest = asked_->get();
    common::log::notice("a look at jobs hangs, {}: it is left behind with its connection",
                        guest ? "at " + guest->toString() : "at no guest");
    ++givenUp_;
    stuck_.add(lane_.leaveBehind(), guest, now);
    schedule_.lost();
}

void JobWatcher::look(JobQuestion question) {
    asked_ = std::make_shared<AskedGuest>();
    lane_.post(task(std::move(question)));
}

/// Once no further call may be left behind, only guests are asked that certainly live.
JobWatcher::JobLane::Task JobWatcher::task(JobQuestion question) {
    return [this, question = std::move(question), asked = asked_, careful = !mayLeaveBehind(),
            plan = plan_, generation = generation_,
            limit = settings_.jobDeadline](JobSession& session) mutable -> JobLane::Done {
        if (careful) {
            const Choice choice = plan.choose(session.lookAround(), Clock::now(), limit);
            for (const auto* those : {&choice.silent, &choice.unresponsive})
                std::ranges::copy(*those, std::back_inserter(question.leftOut));
        }
        auto seen = session.look(question, *asked);
        return [this, question, plan, generation, seen = std::move(seen),
                end = Clock::now()]() mutable {
            if (!running_ || generation != generation_) return;
            plan_ = std::move(plan);
            found(question, std::move(seen), end);
        };
    };
}

void JobWatcher::found(const JobQuestion& question, std::optional<core::JobsSeen> seen,
                       common::Monotonic end) {
    supported_ = seen.has_value();
    if (!seen) return;
    const auto took = std::chrono::duration_cast<milliseconds>(end - question.at);
    tellLog(*seen, question.everybody, took);
    auto news = schedule_.done(question, std::move(*seen), took, Clock::now());
    if (!news) return;
    loop_->post([outlet = outlet_, generation = generation_, began = question.at,
                 news = std::move(*news)]() mutable {
        outlet->jobsSeen(generation, began, std::move(news));
    });
}

bool JobWatcher::finish(milliseconds limit) {
    return lane_.finish(limit) && stuck_.size() == 0;
}

}  // namespace rollo::virt
