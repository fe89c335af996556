// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

namespace rollo::common {

/// The one way by which data crosses threads: closures, run in order on their owner's thread.
/// `post` may be called from any thread; `drain` and `setWake` belong to the owner.
class TaskQueue {
  public:
    using Task = std::function<void()>;

    /// `wake` is called by the `post` that makes an empty queue non-empty, under the queue's lock:
    /// it must not come back to the queue. It is called at once where something waits already.
    void setWake(std::function<void()> wake);
    void post(Task task);
    /// Runs what was waiting when it was called; what those tasks post waits for the next call.
    /// Returns how many it ran.
    std::size_t drain();
    /// Drops what waits and everything posted later: for an owner that is going away.
    /// `wake` is not called any more once this has returned.
    void close();

  private:
    bool isClosed();

    std::mutex mutex_;
    std::vector<Task> waiting_;
    std::vector<Task> running_;
    std::function<void()> wake_;
    bool closed_ = false;
};

}  // namespace rollo::common
