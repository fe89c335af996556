// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/virt/back_off.hpp"
#include "agent/virt/control_session.hpp"
#include "agent/virt/left_behind.hpp"
#include "agent/virt/socket_watch.hpp"

namespace rollo::virt {

/// Keeps one ControlSession up: opens, notices its end, waits, opens again; gives up a worker that
/// hangs, together with its connection.
/// Thread: main. Nothing here blocks but `finish`, within its limit.
class ControlLink {
  public:
    ControlLink(const Settings& settings, std::shared_ptr<EventLoop> loop,
                std::shared_ptr<Outlet> outlet);
    ~ControlLink();
    ControlLink(const ControlLink&) = delete;
    ControlLink& operator=(const ControlLink&) = delete;

    void start(common::Monotonic now);
    void tick(common::Monotonic now);
    /// Called on any thread when `tick` has something to do.
    void setWake(std::function<void()> wake) { results_->setWake(std::move(wake)); }
    void describe(const proto::Uuid& uuid);
    void list();

    /// Connected, and listed once.
    bool connected() const { return state_ == State::open; }
    /// The connection of the moment, or the latest.
    Generation generation() const { return generation_; }
    std::uint64_t reconnects() const { return opened_ > 1 ? opened_ - 1 : 0; }
    std::uint64_t events() const { return events_->load(); }
    std::uint64_t givenUp() const { return givenUp_; }
    std::size_t stuck() const { return stuck_.size(); }

    /// Begins to close; no new connection is made.
    void beginStop();
    /// Whether the worker ended within the limit, or else was given up.
    bool finish(std::chrono::milliseconds limit);

  private:
    enum class State { waiting, opening, open, stopped };

    void open(common::Monotonic now);
    void onOpened(Generation generation);
    void onLost(Generation generation);
    void closeSession();
    void giveUp(common::Monotonic now);
    void retryAt(common::Monotonic when) { nextAttempt_ = when; }
    std::shared_ptr<ControlSession> makeSession();
    void post(std::function<void(ControlSession&)> task);

    Settings settings_;
    std::shared_ptr<EventLoop> loop_;
    std::shared_ptr<Outlet> outlet_;
    std::shared_ptr<std::atomic<std::uint64_t>> events_;
    /// Tasks of other threads for this one; outlives it in the hands of threads that were given up.
    std::shared_ptr<common::TaskQueue> results_;

    State state_ = State::waiting;
    Generation generation_ = 0;
    std::unique_ptr<common::Worker> worker_;
    std::shared_ptr<ControlSession> session_;
    Token token_;  ///< of the present worker
    LeftBehind stuck_;
    BackOff backOff_;
    SocketWatch socket_;
    common::Monotonic nextAttempt_{};
    std::uint64_t opened_ = 0;
    std::uint64_t givenUp_ = 0;
};

}  // namespace rollo::virt
