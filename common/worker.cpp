// SPDX-License-Identifier: Apache-2.0
#include "common/worker.hpp"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "common/log.hpp"

namespace rollo::common {

/// Shared with the thread, which may outlive its Worker.
struct Worker::State {
    const std::string name;
    std::mutex mutex;
    std::condition_variable changed;  ///< for the thread: work, or the end
    std::condition_variable ended;    ///< for `finish`
    std::deque<Task> waiting;
    std::optional<Monotonic> busySince;
    bool closed = false;  ///< takes no more tasks; ends when nothing waits
    bool hasEnded = false;
    std::thread thread;  ///< touched by the owner alone

    explicit State(std::string threadName) : name(std::move(threadName)) {}

    void run();
    void close(bool dropWaiting);
};

namespace {

/// Signals are for the main thread; those that a fault raises stay with the thread at fault.
class BlockedSignals {
  public:
    BlockedSignals() {
        sigset_t all;
        sigfillset(&all);
        for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT})
            sigdelset(&all, fault);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

  private:
    sigset_t before_{};
};

void runTask(const Worker::Task& task, const std::string& name) {
    try {
        task();
    } catch (const std::exception& error) {
        log::error("a task of thread {} failed: {}", name, error.what());
    }
}

}  // namespace

void Worker::State::run() {
    std::unique_lock lock(mutex);
    while (true) {
        changed.wait(lock, [this] { return closed || !waiting.empty(); });
        if (waiting.empty()) break;
        Task task = std::move(waiting.front());
        waiting.pop_front();
        busySince = std::chrono::steady_clock::now();
        lock.unlock();
        runTask(task, name);
        task = nullptr;
        lock.lock();
        busySince.reset();
    }
    hasEnded = true;
    ended.notify_all();
}

void Worker::State::close(bool dropWaiting) {
    std::deque<Task> dropped;
    {
        const std::lock_guard lock(mutex);
        closed = true;
        if (dropWaiting) std::swap(dropped, waiting);
    }
    changed.notify_all();
}

Worker::Worker(std::string threadName) : state_(std::make_shared<State>(std::move(threadName))) {
    const BlockedSignals blocked;
    state_->thread = std::thread([state = state_] {
        pthread_setname_np(pthread_self(), state->name.substr(0, 15).c_str());
        state->run();
    });
}

Worker::~Worker() {
    state_->close(true);
    if (state_->thread.joinable()) state_->thread.join();
}

void Worker::post(Task task) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->closed) return;
        state_->waiting.push_back(std::move(task));
    }
    state_->changed.notify_one();
}

std::optional<std::chrono::nanoseconds> Worker::busyFor(Monotonic now) const {
    const std::lock_guard lock(state_->mutex);
    if (!state_->busySince) return std::nullopt;
    return std::max(std::chrono::nanoseconds(now - *state_->busySince),
                    std::chrono::nanoseconds::zero());
}

bool Worker::idle() const {
    const std::lock_guard lock(state_->mutex);
    return state_->waiting.empty() && !state_->busySince;
}

void Worker::giveUp() {
    state_->close(true);
    if (state_->thread.joinable()) state_->thread.detach();
}

bool Worker::finish(std::chrono::milliseconds limit) {
    state_->close(false);
    {
        std::unique_lock lock(state_->mutex);
        state_->ended.wait_for(lock, limit, [this] { return state_->hasEnded; });
        if (!state_->hasEnded) {
            lock.unlock();
            giveUp();
            return false;
        }
    }
    if (state_->thread.joinable()) state_->thread.join();
    return true;
}

}  // namespace rollo::common
