// SPDX-License-Identifier: Apache-2.0
#include "agent/sd_notify.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstdint>

#include "common/clock.hpp"

namespace rollo::agent::notify {

namespace {

constexpr int keepEnvironment = 0;

void send(const std::string& state) {
    // Nothing can be done about a service manager that does not listen.
    static_cast<void>(sd_notify(keepEnvironment, state.c_str()));
}

}  // namespace

void ready() {
    send("READY=1");
}

void reloading() {
    // steady_clock is CLOCK_MONOTONIC.
    const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
        common::readClocks().mono.time_since_epoch());
    send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.count()));
}

void stopping() {
    send("STOPPING=1");
}

void status(const std::string& text) {
    send("STATUS=" + text.substr(0, text.find('\n')));
}

void watchdog() {
    send("WATCHDOG=1");
}

std::optional<std::chrono::microseconds> watchdogInterval() {
    std::uint64_t timeout = 0;
    if (sd_watchdog_enabled(keepEnvironment, &timeout) <= 0) return std::nullopt;
    // sd_watchdog_enabled(3) recommends half of the time after which the process is killed.
    return std::chrono::microseconds(timeout / 2);
}

}  // namespace rollo::agent::notify
