// SPDX-License-Identifier: Apache-2.0
#include "common/task_queue.hpp"

#include <utility>

namespace rollo::common {

void TaskQueue::setWake(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
    if (wake_ && !waiting_.empty()) wake_();
}

void TaskQueue::post(Task task) {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    waiting_.push_back(std::move(task));
    if (waiting_.size() == 1 && wake_) wake_();
}

std::size_t TaskQueue::drain() {
    std::vector<Task> batch = std::move(running_);
    {
        const std::lock_guard lock(mutex_);
        std::swap(batch, waiting_);
    }
    std::size_t ran = 0;
    for (Task& task : batch) {
        if (isClosed()) break;
        std::exchange(task, nullptr)();
        ++ran;
    }
    batch.clear();
    running_ = std::move(batch);
    return ran;
}

void TaskQueue::close() {
    std::vector<Task> dropped;
    std::function<void()> wake;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        std::swap(dropped, waiting_);
        std::swap(wake, wake_);
    }
}

bool TaskQueue::isClosed() {
    const std::lock_guard lock(mutex_);
    return closed_;
}

}  // namespace rollo::common
