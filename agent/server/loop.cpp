// SPDX-License-Identifier: Apache-2.0
#include "agent/server/loop.hpp"

#include <system_error>
#include <utility>
#include <vector>

#include <uv.h>

#include "common/log.hpp"

namespace rollo::server {
namespace {

using Run = std::function<void()>;

void check(int status, const char* what) {
    if (status < 0) throw std::system_error(-status, std::generic_category(), what);
}

uv_handle_t* base(auto* handle) {
    return reinterpret_cast<uv_handle_t*>(handle);
}

/// A libuv handle and what it calls. libuv gives a handle back only in its close callback, so it
/// lives on the heap and frees itself there.
template <class Handle>
struct Owned {
    Handle handle{};
    Run run;

    static void call(Handle* handle) { static_cast<Owned*>(handle->data)->run(); }
    static void close(Owned* owned) {
        if (uv_is_closing(base(&owned->handle))) return;
        uv_close(base(&owned->handle),
                 [](uv_handle_t* handle) { delete static_cast<Owned*>(handle->data); });
    }
};

using Timer = Owned<uv_timer_t>;
using Signal = Owned<uv_signal_t>;
using Async = Owned<uv_async_t>;
using Prepare = Owned<uv_prepare_t>;
using Idle = Owned<uv_idle_t>;
using Poll = Owned<uv_poll_t>;

template <class Owner>
Owner* make(Run run) {
    auto* owned = new Owner{{}, std::move(run)};
    owned->handle.data = owned;
    return owned;
}

}  // namespace

struct Loop::State {
    uv_loop_t loop{};
    Async* async = nullptr;
    Prepare* prepare = nullptr;
    Idle* idle = nullptr;  ///< started while there is more to do, so that the loop does not wait
    std::function<bool()> turnEnd;
    std::vector<Timer*> timers;
    Timer* alarm = nullptr;
    std::vector<Signal*> signals;
    bool closed = false;
    LoopLag lag;
    std::uint64_t turnBegan = 0;  ///< uv_hrtime, without the time that was spent waiting

    void measureTurn();
    void close() {
        if (std::exchange(closed, true)) return;
        Async::close(async);
        Prepare::close(prepare);
        Idle::close(idle);
        for (auto* timer : timers) Timer::close(timer);
        for (auto* signal : signals) Signal::close(signal);
    }
};

/// Everything but the wait for input: input is handled inside libuv's own wait, so the wait itself
/// has to be taken off (uv_metrics_idle_time).
void Loop::State::measureTurn() {
    const std::uint64_t busyTime = uv_hrtime() - uv_metrics_idle_time(&loop);
    const std::uint64_t began = std::exchange(turnBegan, busyTime);
    if (began == 0 || busyTime < began) return;
    const auto busy = std::chrono::nanoseconds(busyTime - began);
    lag.turn(busy, std::chrono::steady_clock::now());
    if (busy >= LoopLag::stall)
        common::log::warning("the main loop was busy for {} ms",
                             std::chrono::duration_cast<std::chrono::milliseconds>(busy).count());
}

struct Loop::Watch::State {
    Poll* poll;
};

Loop::Loop() : state_(std::make_unique<State>()) {
    check(uv_loop_init(&state_->loop), "event loop");
    check(uv_loop_configure(&state_->loop, UV_METRICS_IDLE_TIME), "event loop");
    state_->async = make<Async>([] {});
    check(uv_async_init(&state_->loop, &state_->async->handle, Async::call), "event loop");
    state_->idle = make<Idle>([] {});
    uv_idle_init(&state_->loop, &state_->idle->handle);
    state_->prepare = make<Prepare>([] {});
    uv_prepare_init(&state_->loop, &state_->prepare->handle);
}

Loop::~Loop() {
    drain(std::chrono::milliseconds(100));
    // Handles of others may be left when they could not be ended in time; the process ends anyway.
    uv_loop_close(&state_->loop);
}

uv_loop_s* Loop::native() {
    return &state_->loop;
}

void Loop::wake() {
    uv_async_send(&state_->async->handle);
}

void Loop::onWake(std::function<void()> run) {
    state_->async->run = std::move(run);
}

void Loop::onTurnEnd(std::function<bool()> run) {
    state_->turnEnd = std::move(run);
    state_->prepare->run = [state = state_.get()] {
        const bool more = state->turnEnd();
        state->measureTurn();
        // libuv takes the time of its next wait from before the callbacks.
        uv_update_time(&state->loop);
        if (more)
            uv_idle_start(&state->idle->handle, Idle::call);
        else
            uv_idle_stop(&state->idle->handle);
    };
    uv_prepare_start(&state_->prepare->handle, Prepare::call);
}

void Loop::every(std::chrono::milliseconds interval, std::function<void()> run) {
    auto* timer = make<Timer>(std::move(run));
    uv_timer_init(&state_->loop, &timer->handle);
    const auto period = static_cast<std::uint64_t>(interval.count());
    uv_timer_start(&timer->handle, Timer::call, period, period);
    state_->timers.push_back(timer);
}

void Loop::onAlarm(std::function<void()> run) {
    state_->alarm = make<Timer>(std::move(run));
    uv_timer_init(&state_->loop, &state_->alarm->handle);
    state_->timers.push_back(state_->alarm);
}

void Loop::setAlarm(std::chrono::milliseconds delay) {
    uv_timer_start(&state_->alarm->handle, Timer::call, static_cast<std::uint64_t>(delay.count()),
                   0);
}

void Loop::onSignal(int number, std::function<void()> run) {
    auto* signal = make<Signal>(std::move(run));
    uv_signal_init(&state_->loop, &signal->handle);
    check(uv_signal_start(
              &signal->handle, [](uv_signal_t* handle, int) { Signal::call(handle); }, number),
          "signal");
    state_->signals.push_back(signal);
}

std::unique_ptr<Loop::Watch> Loop::onReadable(int fd, std::function<void()> run) {
    auto* poll = make<Poll>(std::move(run));
    check(uv_poll_init(&state_->loop, &poll->handle, fd), "poll");
    uv_poll_start(&poll->handle, UV_READABLE,
                  [](uv_poll_t* handle, int, int) { Poll::call(handle); });
    return std::make_unique<Watch>(std::make_unique<Watch::State>(poll));
}

Loop::Watch::Watch(std::unique_ptr<State> state) : state_(std::move(state)) {}

Loop::Watch::~Watch() {
    Poll::close(state_->poll);
}

const LoopLag& Loop::lag() const {
    return state_->lag;
}

void Loop::run() {
    uv_run(&state_->loop, UV_RUN_DEFAULT);
}

void Loop::stop() {
    uv_stop(&state_->loop);
}

bool Loop::drain(std::chrono::milliseconds limit) {
    state_->close();
    const auto end = std::chrono::steady_clock::now() + limit;
    while (uv_run(&state_->loop, UV_RUN_NOWAIT) != 0)
        if (std::chrono::steady_clock::now() > end) return false;
    return true;
}

}  // namespace rollo::server
