// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "agent/virt/event_thread.hpp"
#include "agent/virt/job_schedule.hpp"
#include "agent/virt/job_session.hpp"
#include "agent/virt/lane.hpp"
#include "agent/virt/outlet.hpp"
#include "agent/virt/sample_plan.hpp"
#include "agent/virt/stuck_calls.hpp"

namespace rollo::virt {

/// Finds libvirt's jobs, whoever began them: looks at all active domains every few seconds, on a
/// worker and a connection of its own. Guests are asked one by one, and those whose monitor is
/// occupied are not asked, so a call that hangs all the same names its guest: it is left behind
/// with its thread and its connection, the look is begun anew, and the guest is left out.
/// Thread: main.
class JobWatcher {
  public:
    JobWatcher(const Settings& settings, std::shared_ptr<EventLoop> loop,
               std::shared_ptr<Outlet> outlet);
    ~JobWatcher();
    JobWatcher(const JobWatcher&) = delete;
    JobWatcher& operator=(const JobWatcher&) = delete;

    /// The daemon is there, at the other end of that control connection: look at once.
    void resume(common::Monotonic now, Generation generation);
    /// The daemon is gone: close what can be closed.
    void pause();
    bool running() const { return running_; }
    void tick(common::Monotonic now);
    /// Called on any thread when `tick` has something to do.
    void setWake(std::function<void()> wake) { results_->setWake(std::move(wake)); }
    /// For any thread: an event may have to do with a job of that domain.
    std::function<void(const proto::Uuid&)> hinter();

    void beginStop() { pause(); }
    /// Whether the lane ended within the limit, and nothing was left behind.
    bool finish(std::chrono::milliseconds limit);

    std::uint64_t givenUp() const { return givenUp_; }
    std::size_t stuck() const { return stuck_.size(); }

  private:
    using JobLane = Lane<JobSession>;

    bool mayLeaveBehind() const { return stuck_.size() < settings_.maxStuckJobCalls; }
    void leaveBehind(common::Monotonic now);
    void look(JobQuestion question);
    JobLane::Task task(JobQuestion question);
    void found(const JobQuestion& question, std::optional<core::JobsSeen> seen,
               common::Monotonic end);

    Settings settings_;
    std::shared_ptr<EventLoop> loop_;
    std::shared_ptr<Outlet> outlet_;
    std::shared_ptr<common::TaskQueue> results_;
    JobLane lane_;
    JobSchedule schedule_;
    StuckCalls stuck_;
    SamplePlan plan_;                                                     ///< for careful looks
    std::shared_ptr<AskedGuest> asked_ = std::make_shared<AskedGuest>();  ///< in the present look
    Generation generation_ = 0;
    bool running_ = false;
    bool supported_ = true;  ///< by the driver
    std::uint64_t givenUp_ = 0;
};

}  // namespace rollo::virt
