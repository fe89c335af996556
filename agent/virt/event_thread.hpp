// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "common/task_queue.hpp"
#include "common/worker.hpp"

namespace rollo::virt {

/// Libvirt's event loop (virEventRegisterDefaultImpl) and the tasks that must come in order with
/// its callbacks. Shared by whoever posts, so that a thread that was given up may still do so.
/// Thread: libvirt events; `post` from any.
class EventLoop {
  public:
    using Task = common::TaskQueue::Task;

    /// Registers libvirt's event implementation, once in a process: before any connection opens.
    EventLoop();

    /// Runs the task on the event thread, after every callback for an event that libvirt had read
    /// from its socket before this call. Dropped once the loop has ended.
    void post(Task task);

    /// Runs until `end` is called. One such thread at a time.
    void run();
    void end();

  private:
    void runReady();

    common::TaskQueue incoming_;
    std::vector<Task> ready_;
    std::atomic<bool> ending_ = false;
};

/// The thread that runs the loop.
/// Thread: main.
class EventThread {
  public:
    EventThread() : loop_(std::make_shared<EventLoop>()) {}

    const std::shared_ptr<EventLoop>& loop() const { return loop_; }
    void start();
    /// Runs what was posted before, then ends. False if that takes longer than `limit`.
    bool stop(std::chrono::milliseconds limit);

  private:
    std::shared_ptr<EventLoop> loop_;
    std::optional<common::Worker> worker_;
};

}  // namespace rollo::virt
