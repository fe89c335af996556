// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/event_thread.hpp"

#include <libvirt/libvirt.h>

#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "agent/virt/error.hpp"
#include "common/log.hpp"

namespace rollo::virt {

namespace {

/// A loop without any timer would block for ever when the last descriptor goes.
constexpr int idleMs = 60'000;

void onTimer(int timer, void*) noexcept {
    virEventUpdateTimeout(timer, idleMs);
}

void runTask(const EventLoop::Task& task) {
    try {
        task();
    } catch (const std::exception& error) {
        common::log::error("a task of libvirt's event thread failed: {}", error.what());
    }
}

}  // namespace

EventLoop::EventLoop() {
    static std::once_flag once;
    std::call_once(once, [] {
        silenceErrors();
        check(virInitialize(), "virInitialize");
        check(virEventRegisterDefaultImpl(), "virEventRegisterDefaultImpl");
    });
}

void EventLoop::post(Task task) {
    incoming_.post([this, task = std::move(task)]() mutable { ready_.push_back(std::move(task)); });
}

void EventLoop::run() {
    const int timer = check(virEventAddTimeout(0, onTimer, nullptr, nullptr), "virEventAddTimeout");
    incoming_.setWake([timer] { virEventUpdateTimeout(timer, 0); });
    while (!ending_) {
        // What is taken before a turn runs after it: libvirt hands its events to callbacks in a
        // timer of its own, which has then had its turn.
        incoming_.drain();
        if (!ready_.empty()) virEventUpdateTimeout(timer, 0);
        if (virEventRunDefaultImpl() < 0) {
            common::log::error("libvirt's event loop failed");
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
        runReady();
    }
    incoming_.close();
    virEventRemoveTimeout(timer);
}

void EventLoop::runReady() {
    for (const Task& task : std::exchange(ready_, {})) runTask(task);
}

void EventLoop::end() {
    post([this] { ending_ = true; });
}

void EventThread::start() {
    worker_.emplace("libvirt-events");
    worker_->post([loop = loop_] { loop->run(); });
}

bool EventThread::stop(std::chrono::milliseconds limit) {
    if (!worker_) return true;
    loop_->end();
    const bool ended = worker_->finish(limit);
    worker_.reset();
    return ended;
}

}  // namespace rollo::virt
