// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/events.hpp"
#include "proto/ids.hpp"

/// What the administrator wants to be told of: plain values, from the configuration and from the
/// domains' metadata. docs/alerts.md explains each source and its default.
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
    // Figures of the host and of its pools: percent; the load for each processor.
    serverCpu,
    serverCpuSteal,
    serverMemory,
    serverSwap,
    serverLoad,
    serverDisk,
    serverPool,
    // What happens to the agent: no thresholds; how full its clients' queues are, in percent.
    libvirtLost,
    agentQueues
};
inline constexpr std::size_t alertSources = 20;
std::string_view word(AlertSource source);
std::optional<AlertSource> alertSource(std::string_view word);
/// True for one that is about a VM, which may override it.
bool isAboutVm(AlertSource source);

/// What a source's figure counts; `none` where it has no figure.
enum class AlertUnit { none, percent, milliseconds, bytesPerSecond, perProcessor };
AlertUnit unitOf(AlertSource source);
/// True for one that compares a figure with thresholds.
bool hasThresholds(AlertSource source);
/// No threshold in that unit can be larger.
double largestThreshold(AlertUnit unit);

/// From `raise` on the alert fires with this severity; below `clear`, which is no larger, it does
/// not any more. Both 0 where the source has no thresholds.
struct AlertLevel {
    proto::Severity severity = proto::Severity::warning;
    double raise = 0;
    double clear = 0;
    bool operator==(const AlertLevel&) const = default;
};

/// What is wrong with thresholds for that source, as `warning.clear: must be …`; nothing: they are
/// good.
std::optional<std::string> faultOf(const std::vector<AlertLevel>& levels, AlertSource source);

inline constexpr std::chrono::seconds longestFor{86'400};

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

    void applyTo(AlertRule& rule) const;
};

/// Every rule about VMs switched on or off.
std::vector<AlertOverride> overridesOfAll(bool enabled);

/// How the configuration names a VM: by id, UUID, or name.
using AlertVm = std::variant<proto::VmId, proto::Uuid, std::string>;

/// One VM's overrides in the configuration. Those of its metadata come after them.
struct VmAlertOverrides {
    AlertVm vm;
    std::vector<AlertOverride> overrides;
    bool operator==(const VmAlertOverrides&) const = default;
};

struct AlertPolicy {
    std::vector<AlertRule> rules;       ///< one for each source, in the order of the sources
    std::vector<VmAlertOverrides> vms;  ///< where several name one VM the last one wins
    bool operator==(const AlertPolicy&) const = default;
};

/// What holds where the configuration says nothing.
AlertPolicy defaultAlertPolicy();

}  // namespace rollo::core
