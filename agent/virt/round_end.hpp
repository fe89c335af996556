// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace rollo::virt {

/// Tells whoever watches a round that there is nothing left to watch. Any thread.
class RoundEnd {
  public:
    void tell() {
        {
            const std::lock_guard lock(mutex_);
            told_ = true;
        }
        changed_.notify_all();
    }
    /// Whether it was told before the time was over.
    bool comesWithin(std::chrono::milliseconds time) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, time, [this] { return told_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool told_ = false;
};

}  // namespace rollo::virt
