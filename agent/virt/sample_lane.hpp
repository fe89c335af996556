// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/virt/left_behind.hpp"
#include "agent/virt/sample_session.hpp"
#include "common/task_queue.hpp"

namespace rollo::virt {

/// A worker with a sampling connection of its own, of which one task at a time is asked, and which
/// is left behind with its connection when that task hangs.
/// Thread: main.
class SampleLane {
  public:
    /// What is left to do on the main thread when the task has returned.
    using Done = std::function<void()>;
    /// Runs on the worker. One that throws LibvirtError loses the connection and has no Done.
    using Task = std::function<Done(SampleSession&)>;

    /// `results` is drained by the owner; it may outlive the lane.
    SampleLane(std::string threadName, const Settings& settings,
               std::shared_ptr<common::TaskQueue> results);
    ~SampleLane();
    SampleLane(const SampleLane&) = delete;
    SampleLane& operator=(const SampleLane&) = delete;

    void post(Task task);
    /// A task was posted, and has neither returned nor been left behind.
    bool busy() const { return busy_; }
    bool overdue(common::Monotonic now, std::chrono::nanoseconds limit) const;
    /// The next task gets a new worker and a new connection. The token of the present one is gone
    /// when the task has returned.
    Token leaveBehind();
    /// Closes the connection behind the task that runs.
    void close();
    bool finish(std::chrono::milliseconds limit);

  private:
    void begin();

    std::string threadName_;
    Settings settings_;
    std::shared_ptr<common::TaskQueue> results_;
    std::unique_ptr<common::Worker> worker_;
    std::shared_ptr<SampleSession> session_;
    Token token_;
    bool busy_ = false;
};

}  // namespace rollo::virt
