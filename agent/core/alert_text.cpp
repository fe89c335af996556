// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alert_text.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cmath>

namespace rollo::core {
namespace {

struct Text {
    const char* title;
    /// {0} is the VM's or the pool's name, {1} the figure with its unit.
    const char* message;
};

/// In the order of AlertSource.
constexpr std::array<Text, alertSources> texts = {{
    {"High CPU usage", "{0} uses {1} of its vCPUs"},
    {"High memory usage", "{0} uses {1} of its memory"},
    {"The VM waits for processors", "The vCPUs of {0} were ready for {1} of the time and not run"},
    {"Slow disks", "Disk requests of {0} take {1}"},
    {"The guest swaps", "{0} swaps {1}"},
    {"The VM has crashed", "{0} has crashed"},
    {"The guest has panicked", "The guest's kernel in {0} has panicked"},
    {"The watchdog has fired", "The watchdog of {0} has fired"},
    {"Disk error", "A disk of {0} had an I/O error"},
    {"Memory failure", "Memory of the host failed beneath {0}"},
    {"The VM does not respond", "The monitor of {0} does not answer"},
    {"High CPU usage of the host", "The host's processors are busy for {1} of the time"},
    {"The host waits for processors",
     "The host's processors were taken from it for {1} of the time"},
    {"High memory usage of the host", "{1} of the host's memory is in use"},
    {"High swap usage of the host", "{1} of the host's swap space is in use"},
    {"High load of the host", "The host's load is {1}"},
    {"The storage is nearly full", "{1} of the storage that holds the guests' disks is in use"},
    {"A storage pool is nearly full", "{1} of the storage pool {0} is in use"},
    {"libvirt is lost", "The agent cannot reach libvirt"},
    {"Clients are too slow", "{1} of what may wait for clients is waiting"},
}};

/// Without zeros at the end.
std::string rounded(double figure, double parts) {
    return fmt::format("{}", std::round(figure * parts) / parts);
}

std::string withUnit(double figure, AlertUnit unit) {
    constexpr double mebibyte = 1024 * 1024;
    switch (unit) {
        case AlertUnit::none:
            return {};
        case AlertUnit::percent:
            return rounded(figure, 10) + " %";
        case AlertUnit::milliseconds:
            return rounded(figure, 10) + " ms";
        case AlertUnit::bytesPerSecond:
            return rounded(figure / mebibyte, 100) + " MiB/s";
        case AlertUnit::perProcessor:
            return rounded(figure, 100) + " for each processor";
    }
    return {};
}

std::string duration(std::chrono::seconds lasts) {
    const auto count = lasts.count();
    return count % 60 == 0 ? fmt::format("{} min", count / 60) : fmt::format("{} s", count);
}

std::string messageOf(const AlertSubject& subject, double figure, std::string_view detail) {
    const auto* text = texts[static_cast<std::size_t>(subject.source)].message;
    const std::string_view name = subject.vm ? subject.vm->identity.name : subject.pool;
    std::string message =
        fmt::format(fmt::runtime(text), name, withUnit(figure, unitOf(subject.source)));
    return detail.empty() ? message : fmt::format("{}: {}", message, detail);
}

/// What of the rule has made it fire: `warning from 95 % on, for 15 min`.
std::string reasonOf(const AlertRule& rule, const AlertLevel& level) {
    std::string reason = fmt::format("{} from {} on", proto::word(level.severity),
                                     withUnit(level.raise, unitOf(rule.source)));
    if (rule.lasts.count() > 0) reason += ", for " + duration(rule.lasts);
    return reason;
}

}  // namespace

std::string alertId(const AlertSubject& subject) {
    const auto what = word(subject.source);
    if (subject.vm) return fmt::format("{}:{}", what, subject.vm->identity.uuid.toString());
    if (!subject.pool.empty()) return fmt::format("{}:{}", what, subject.pool);
    return std::string(what);
}

proto::Alert alertOf(const AlertSubject& subject, const AlertRule& rule, const AlertLevel& level,
                     double figure, std::string_view detail) {
    proto::Alert alert;
    alert.id = alertId(subject);
    alert.type = word(subject.source);
    alert.severity = level.severity;
    alert.title = texts[static_cast<std::size_t>(subject.source)].title;
    alert.message = messageOf(subject, figure, detail);
    if (subject.vm) alert.vm = subject.vm->identity;
    if (!hasThresholds(subject.source)) return alert;
    alert.message += fmt::format(" ({})", reasonOf(rule, level));
    alert.value = figure;
    alert.threshold = level.raise;
    return alert;
}

}  // namespace rollo::core
