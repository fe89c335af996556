// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "agent/virt/event_thread.hpp"
#include "agent/virt/outlet.hpp"
#include "agent/virt/pool_sampler.hpp"
#include "agent/virt/round_end.hpp"
#include "agent/virt/sample_lane.hpp"
#include "agent/virt/sample_plan.hpp"
#include "agent/virt/stuck_calls.hpp"

namespace rollo::virt {

/// Takes a sample of all guests and the host every interval, with one bulk call. A guest whose
/// monitor hangs hangs that call: it is left behind with its thread and its connection, guards the
/// guest from the calls after it (StuckCalls), and the round is begun anew at once. A second lane
/// looks at the monitors when a round takes long, so that this costs the others a moment.
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
    /// Called on any thread when `tick` has something to do.
    void setWake(std::function<void()> wake) { results_->setWake(std::move(wake)); }

    void beginStop() { pause(); }
    /// Whether all lanes ended within the limit, and nothing was left behind.
    bool finish(std::chrono::milliseconds limit);

    std::uint64_t givenUp() const { return givenUp_ + pools_.givenUp(); }
    std::size_t stuck() const { return stuck_.size() + pools_.stuck(); }
    std::chrono::milliseconds lastDuration() const { return lastDuration_; }

  private:
    std::chrono::milliseconds deadline() const;
    std::chrono::milliseconds patience() const;
    bool mayLeaveBehind() const;
    void leaveRoundBehind(std::optional<proto::Uuid> guest, common::Monotonic now);
    void beginRound(common::Monotonic now);
    SampleLane::Task plainRound();
    SampleLane::Task carefulRound();
    /// Tells what was taken as of the present generation, with the pools as they are known now; any
    /// thread may call it.
    std::function<void(core::SampleTaken)> teller() const;
    void roundDone(std::chrono::milliseconds took);
    void watchRound(std::chrono::milliseconds wait);
    void roundIsSlow(const Looks& looks, std::chrono::milliseconds looking);
    void listenTo(Generation generation);

    Settings settings_;
    std::shared_ptr<EventLoop> loop_;
    std::shared_ptr<Outlet> outlet_;
    std::shared_ptr<common::TaskQueue> results_;
    SampleLane rounds_;
    SampleLane looks_;
    PoolSampler pools_;
    StuckCalls stuck_;
    SamplePlan plan_;  ///< for careful rounds
    Generation generation_ = 0;
    bool running_ = false;
    std::shared_ptr<RoundEnd> roundEnd_ = std::make_shared<RoundEnd>();  ///< of the latest round
    common::Monotonic roundBegan_{};
    common::Monotonic next_{};
    std::chrono::milliseconds lastDuration_{0};
    std::uint64_t givenUp_ = 0;
};

}  // namespace rollo::virt
