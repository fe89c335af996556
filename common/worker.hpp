// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/clock.hpp"

namespace rollo::common {

/// A thread that runs tasks in order and may block in one of them for ever.
/// Its owner never waits for it without a limit: a worker that hangs is given up, which leaves the
/// thread to itself. A task that can hang must therefore own everything it touches.
/// All member functions belong to the owner's thread, `post` to any.
class Worker {
  public:
    using Task = std::function<void()>;

    explicit Worker(std::string threadName);
    /// Waits for the task that runs; what still waits is dropped.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    void post(Task task);
    /// How long the present task has been running; nothing if the worker is idle.
    std::optional<std::chrono::nanoseconds> busyFor(Monotonic now) const;
    /// True once every task posted so far has run.
    bool idle() const;
    /// Lets the thread end by itself when its task returns; the tasks that wait are dropped.
    /// Returns at once. The worker takes no more tasks afterwards.
    void giveUp();
    /// Runs what waits, then ends the thread. False, and given up, if that takes longer than
    /// `limit`.
    bool finish(std::chrono::milliseconds limit);

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace rollo::common
