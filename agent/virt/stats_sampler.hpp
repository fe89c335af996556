// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>

#include "agent/virt/event_thread.hpp"
#include "agent/virt/outlet.hpp"
#include "agent/virt/sample_lane.hpp"

namespace rollo::virt {

/// Takes a sample of all guests and the host every interval. A plain round is one bulk call. A
/// guest whose monitor hangs hangs that call, and whoever asks it next: the call is left behind,
/// and rounds are careful (SamplePlan) until every guest answers again. A second lane probes the
/// suspects, one at a time.
/// Thread: main.
class StatsSampler {
  public:
    StatsSampler(const Settings& settings, std::shared_ptr<EventLoop> loop,
                 std::shared_ptr<Outlet> outlet);
    ~StatsSampler();
    StatsSampler(const StatsSampler&) = delete;
    StatsSampler& operator=(const StatsSampler&) = delete;

    /// The daemon is there: sample at once, then every interval.
    void resume(common::Monotonic now);
    /// The daemon is gone: close what can be closed.
    void pause();
    bool running() const { return running_; }
    void setInterval(std::chrono::milliseconds interval);
    void tick(common::Monotonic now);

    void beginStop() { pause(); }
    /// Whether both lanes ended within the limit, and nothing was left behind.
    bool finish(std::chrono::milliseconds limit);

    std::uint64_t givenUp() const { return givenUp_; }
    std::size_t stuck() const { return stuck_.size(); }
    std::size_t suspects() const { return plan_.suspects(); }
    std::chrono::milliseconds lastDuration() const { return lastDuration_; }

  private:
    std::chrono::milliseconds deadline() const;
    SamplePlan::Limits limits() const;
    bool careful() const { return stuck_.size() > 0 || plan_.suspects() > 0; }
    void watch(SampleLane& lane, common::Monotonic now);
    void leaveBehind(SampleLane& lane);
    void watchForSlowRound(common::Monotonic now);
    void roundIsSlow(const Looks& looks, std::chrono::milliseconds elapsed);
    void beginRound(common::Monotonic now);
    SampleLane::Task plainRound();
    SampleLane::Task carefulRound();
    void beginProbe(common::Monotonic now);
    void listenTo(Generation generation);
    void nextGeneration() { listenTo(++generation_); }

    Settings settings_;
    std::shared_ptr<EventLoop> loop_;
    std::shared_ptr<Outlet> outlet_;
    std::shared_ptr<common::TaskQueue> results_;
    SampleLane rounds_;
    SampleLane probes_;
    LeftBehind stuck_;
    SamplePlan plan_;
    Generation generation_ = 0;
    bool running_ = false;
    bool lookedAtRound_ = false;
    common::Monotonic roundBegan_{};
    common::Monotonic next_{};
    std::chrono::milliseconds lastDuration_{0};
    std::uint64_t givenUp_ = 0;
};

}  // namespace rollo::virt
