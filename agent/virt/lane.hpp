// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "agent/virt/error.hpp"
#include "agent/virt/left_behind.hpp"
#include "agent/virt/settings.hpp"
#include "common/clock.hpp"
#include "common/log.hpp"
#include "common/task_queue.hpp"
#include "common/worker.hpp"

namespace rollo::virt {

/// A worker with a connection of its own, the `Session` (a LaneSession that can `close`), of which
/// one task at a time is asked, and which is left behind with its connection when that task hangs.
/// Thread: main.
template <class Session>
class Lane {
  public:
    /// What is left to do on the main thread when the task has returned.
    using Done = std::function<void()>;
    /// Runs on the worker. One that throws LibvirtError loses the connection and has no Done.
    using Task = std::function<Done(Session&)>;

    /// `results` is drained by the owner; it may outlive the lane.
    Lane(std::string threadName, const Settings& settings,
         std::shared_ptr<common::TaskQueue> results)
        : threadName_(std::move(threadName)), settings_(settings), results_(std::move(results)) {}
    ~Lane() {
        if (session_) session_->abandon();
        if (worker_) worker_->giveUp();
    }
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    void post(Task task) {
        begin();
        busy_ = true;
        worker_->post(
            [token = token_, session = session_, results = results_, this, task = std::move(task)] {
                Done done = run(task, *session);
                if (session->abandoned()) return session->close();
                results->post([this, returned = std::weak_ptr(session), done = std::move(done)] {
                    if (returned.lock() != session_ || !session_) return;
                    busy_ = false;
                    if (done) done();
                });
            });
    }
    /// A task was posted, and has neither returned nor been left behind.
    bool busy() const { return busy_; }
    /// Its present call has taken longer than `limit`.
    bool overdue(common::Monotonic now, std::chrono::nanoseconds limit) const {
        return worker_ && session_->progress().overdue(*worker_, now, limit);
    }
    /// The next task gets a new worker and a new connection. The token of the present one is gone
    /// when the task has returned.
    Token leaveBehind() {
        session_->abandon();
        session_.reset();
        worker_->giveUp();
        worker_.reset();
        busy_ = false;
        return std::exchange(token_, nullptr);
    }
    /// Closes the connection behind the task that runs.
    void close() {
        if (worker_) worker_->post([token = token_, session = session_] { session->close(); });
    }
    bool finish(std::chrono::milliseconds limit) {
        if (!worker_) return true;
        const bool ended = worker_->finish(limit);
        if (!ended) session_->abandon();
        worker_.reset();
        session_.reset();
        return ended;
    }

  private:
    void begin() {
        if (worker_) return;
        worker_ = std::make_unique<common::Worker>(threadName_);
        session_ = std::make_shared<Session>(settings_);
        token_ = makeToken();
    }
    static Done run(const Task& task, Session& session) {
        try {
            return task(session);
        } catch (const LibvirtError& error) {
            common::log::info("{} failed: {}", Session::what, error.what());
            session.close();
            return nullptr;
        }
    }

    std::string threadName_;
    Settings settings_;
    std::shared_ptr<common::TaskQueue> results_;
    std::unique_ptr<common::Worker> worker_;
    std::shared_ptr<Session> session_;
    Token token_;
    bool busy_ = false;
};

}  // namespace rollo::virt
