// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>

/// What the service manager is told (sd_notify(3)). Without one, that is without `$NOTIFY_SOCKET`,
/// nothing happens. Thread: any.
namespace rollo::agent::notify {

/// Started, or done with a reload.
void ready();
/// A reload begins; `ready` follows. Carries the time that `Type=notify-reload` asks for.
void reloading();
void stopping();
/// The line that `systemctl status` shows.
void status(const std::string& text);
void watchdog();
/// How often `watchdog` is due; nothing where none is watched.
std::optional<std::chrono::microseconds> watchdogInterval();

}  // namespace rollo::agent::notify
