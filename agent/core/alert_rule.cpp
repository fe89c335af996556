// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alert_rule.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace rollo::core {
namespace {

using proto::Severity;
using std::chrono::seconds;

struct Source {
    std::string_view word;
    AlertUnit unit;
    bool aboutVm;
};

/// In the order of AlertSource.
constexpr std::array<Source, alertSources> sources = {{
    {"vm_cpu", AlertUnit::percent, true},
    {"vm_memory", AlertUnit::percent, true},
    {"vm_cpu_steal", AlertUnit::percent, true},
    {"vm_disk_latency", AlertUnit::milliseconds, true},
    {"vm_swap", AlertUnit::bytesPerSecond, true},
    {"vm_crashed", AlertUnit::none, true},
    {"vm_panicked", AlertUnit::none, true},
    {"vm_watchdog", AlertUnit::none, true},
    {"vm_io_error", AlertUnit::none, true},
    {"vm_memory_failure", AlertUnit::none, true},
    {"vm_unresponsive", AlertUnit::none, true},
    {"server_cpu", AlertUnit::percent, false},
    {"server_cpu_steal", AlertUnit::percent, false},
    {"server_memory", AlertUnit::percent, false},
    {"server_swap", AlertUnit::percent, false},
    {"server_load", AlertUnit::perProcessor, false},
    {"server_disk", AlertUnit::percent, false},
    {"server_pool", AlertUnit::percent, false},
    {"libvirt_lost", AlertUnit::none, false},
    {"agent_queues", AlertUnit::percent, false},
}};

const Source& at(AlertSource source) {
    return sources[static_cast<std::size_t>(source)];
}

/// One that happens or does not, and how bad that is.
std::vector<AlertLevel> happens(Severity severity) {
    return {{severity, 0, 0}};
}

constexpr double mebibyte = 1024 * 1024;

}  // namespace

std::string_view word(AlertSource source) {
    return at(source).word;
}

std::optional<AlertSource> alertSource(std::string_view word) {
    for (std::size_t i = 0; i < sources.size(); ++i)
        if (sources[i].word == word) return static_cast<AlertSource>(i);
    return std::nullopt;
}

bool isAboutVm(AlertSource source) {
    return at(source).aboutVm;
}

AlertUnit unitOf(AlertSource source) {
    return at(source).unit;
}

bool hasThresholds(AlertSource source) {
    return unitOf(source) != AlertUnit::none;
}

double largestThreshold(AlertUnit unit) {
    switch (unit) {
        case AlertUnit::none:
            return 0;
        case AlertUnit::percent:
            return 100;
        case AlertUnit::milliseconds:
            return 3'600'000;
        case AlertUnit::bytesPerSecond:
            return 1e12;
        case AlertUnit::perProcessor:
            return 1000;
    }
    return 0;
}

std::optional<std::string> faultOf(const std::vector<AlertLevel>& levels, AlertSource source) {
    const double largest = largestThreshold(unitOf(source));
    const AlertLevel* before = nullptr;
    for (const AlertLevel& level : levels) {
        const std::string_view name = proto::word(level.severity);
        // Written so that what is no number does not pass.
        if (!(level.raise > 0 && level.raise <= largest))
            return fmt::format("{}.raise: must be above 0 and at most {}", name, largest);
        if (!(level.clear >= 0 && level.clear <= level.raise))
            return fmt::format("{}.clear: must be from 0 to what `raise` is", name);
        if (before && before->severity >= level.severity)
            return fmt::format("{}: must come once, the least severity first", name);
        if (before && level.raise <= before->raise)
            return fmt::format("{}.raise: must be above that of {}", name,
                               proto::word(before->severity));
        if (before && level.clear < before->clear)
            return fmt::format("{}.clear: must not be below that of {}", name,
                               proto::word(before->severity));
        before = &level;
    }
    return before ? std::nullopt : std::optional<std::string>("there is no threshold");
}

void AlertOverride::applyTo(AlertRule& rule) const {
    if (enabled) rule.enabled = *enabled;
    if (lasts) rule.lasts = *lasts;
    if (levels) rule.levels = *levels;
}

std::vector<AlertOverride> overridesOfAll(bool enabled) {
    std::vector<AlertOverride> overrides;
    for (std::size_t i = 0; i < alertSources; ++i)
        if (const auto source = static_cast<AlertSource>(i); isAboutVm(source))
            overrides.push_back({source, enabled, std::nullopt, std::nullopt});
    return overrides;
}

AlertPolicy defaultAlertPolicy() {
    using enum AlertSource;
    using enum Severity;
    AlertPolicy policy;
    const auto add = [&policy](AlertSource source, seconds lasts, std::vector<AlertLevel> levels) {
        policy.rules.push_back({source, true, lasts, std::move(levels)});
    };
    add(vmCpu, seconds(900), {{info, 95, 85}});
    add(vmMemory, seconds(300), {{warning, 90, 85}, {error, 97, 94}});
    add(vmCpuSteal, seconds(300), {{warning, 10, 5}, {error, 30, 20}});
    add(vmDiskLatency, seconds(120), {{warning, 100, 50}, {error, 500, 250}});
    add(vmSwap, seconds(300), {{warning, 2 * mebibyte, mebibyte / 2}});
    add(vmCrashed, seconds(0), happens(error));
    add(vmPanicked, seconds(0), happens(error));
    add(vmWatchdog, seconds(0), happens(error));
    add(vmIoError, seconds(0), happens(critical));
    add(vmMemoryFailure, seconds(0), happens(critical));
    add(vmUnresponsive, seconds(30), happens(error));
    add(serverCpu, seconds(900), {{warning, 95, 85}});
    add(serverCpuSteal, seconds(300), {{warning, 10, 5}, {error, 30, 20}});
    add(serverMemory, seconds(120), {{warning, 90, 85}, {critical, 97, 94}});
    add(serverSwap, seconds(300), {{warning, 50, 40}, {error, 90, 80}});
    add(serverLoad, seconds(300), {{warning, 2, 1.5}, {error, 5, 4}});
    add(serverDisk, seconds(60), {{warning, 85, 82}, {critical, 95, 92}});
    add(serverPool, seconds(60), {{warning, 85, 82}, {critical, 95, 92}});
    add(libvirtLost, seconds(30), happens(critical));
    add(agentQueues, seconds(30), {{warning, 50, 30}, {error, 80, 60}});
    return policy;
}

}  // namespace rollo::core
