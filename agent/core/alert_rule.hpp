// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/events.hpp"
#include "proto/ids.hpp"

/// What the administrator wants to be told of: plain values, from the configuration and from the
/// domains' metadata.
namespace rollo::core {

/// What a rule looks at; its word is the rule's name in the configuration and the alert's
/// `alert_type`.
enum class AlertSource {
    // Figures of a VM, in percent, milliseconds, or bytes a second.
    vmCpu,
    vmMemory,
    vmCpuSteal,
    vmDiskLatency,
    vmSwap,
    // What happens to a VM: no thresholds.
    vmCrashed,
    vmPanicked,
    vmWatchdog,
    vmIoError,
    vmMemoryFailure,
    vmUnresponsive,
    // Figures of the host: percent; the load for each processor.
    serverCpu,
    serverCpuSteal,
    serverMemory,
    serverSwap,
    serverLoad,
    serverDisk,
    serverPool,
    // What happens to the agent.
    libvirtLost,
    agentQueues
};
inline constexpr std::size_t alertSources = 20;
std::string_view word(AlertSource source);
std::optional<AlertSource> alertSource(std::string_view word);
/// True for one that compares a figure with thresholds.
bool hasThresholds(AlertSource source);
/// True for one that is about a VM, which may override it.
bool isAboutVm(AlertSource source);

/// From `raise` on the alert fires with this severity; below `clear`, which is no larger, it does
/// not any more. Both 0 where the source has no thresholds.
struct AlertLevel {
    proto::Severity severity = proto::Severity::warning;
    double raise = 0;
    double clear = 0;
    bool operator==(const AlertLevel&) const = default;
};

struct AlertRule {
    AlertSource source;
    bool enabled = true;
    std::chrono::seconds lasts{0};   ///< `for`: how long it must hold before it fires
    std::vector<AlertLevel> levels;  ///< the least first; their severities and thresholds rise
    bool operator==(const AlertRule&) const = default;
};

/// What is not given stays as the rule has it.
struct AlertOverride {
    AlertSource source;
    std::optional<bool> enabled;
    std::optional<std::chrono::seconds> lasts;
    std::optional<std::vector<AlertLevel>> levels;
    bool operator==(const AlertOverride&) const = default;
};

/// One VM's overrides in the configuration. Those of its metadata come after them.
struct VmAlertOverrides {
    std::variant<proto::VmId, proto::Uuid, std::string> vm;  ///< id, UUID, or name
    std::vector<AlertOverride> overrides;
    bool operator==(const VmAlertOverrides&) const = default;
};

struct AlertPolicy {
    std::vector<AlertRule> rules;  ///< one for each source, in the order of the sources
    std::vector<VmAlertOverrides> vms;
    bool operator==(const AlertPolicy&) const = default;
};

/// What holds where the configuration says nothing.
AlertPolicy defaultAlertPolicy();

}  // namespace rollo::core
