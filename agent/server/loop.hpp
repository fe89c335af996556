// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "agent/server/loop_lag.hpp"

struct uv_loop_s;

namespace rollo::server {

/// The one event loop of the program (libuv). Whatever runs on it must not block.
/// Thread: main, but for `wake`.
class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    /// Makes the loop call what `onWake` set, soon and at least once. From any thread.
    void wake();
    void onWake(std::function<void()> run);
    /// Called at the end of every turn, before the loop waits. True: there is more to do, so the
    /// loop looks for input without waiting and calls it again.
    void onTurnEnd(std::function<bool()> run);
    /// Calls it every `interval` until the loop ends.
    void every(std::chrono::milliseconds interval, std::function<void()> run);
    /// The one alarm: calls it once, after what `setAlarm` says.
    void onAlarm(std::function<void()> run);
    /// Takes the place of what was set before.
    void setAlarm(std::chrono::milliseconds delay);
    /// signal(7), delivered as an ordinary call on the loop.
    void onSignal(int signal, std::function<void()> run);
    /// Calls it when the descriptor is readable; the descriptor stays the caller's and must outlive
    /// the returned watch, whose end stops it.
    class Watch;
    std::unique_ptr<Watch> onReadable(int fd, std::function<void()> run);

    /// How long its turns are, once `onTurnEnd` is set. A long one is told in the log.
    const LoopLag& lag() const;

    /// Runs until `stop`.
    void run();
    void stop();
    /// Closes what this class opened, then runs until nothing is left or the time is over.
    /// True if nothing is left.
    bool drain(std::chrono::milliseconds limit);

    uv_loop_s* native();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

class Loop::Watch {
  public:
    struct State;
    explicit Watch(std::unique_ptr<State> state);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

  private:
    std::unique_ptr<State> state_;
};

}  // namespace rollo::server
