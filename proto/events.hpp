// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/clock.hpp"
#include "proto/ids.hpp"

/// The events of PROTOCOL.md as plain structs: the vocabulary of the whole program.
/// A value that is not known is empty and travels as null, never as 0.
namespace rollo::proto {

enum class VmStatus {
    running,
    stopped,
    paused,
    suspended,
    stopping,
    crashed,
    unresponsive,
    unknown
};
enum class ServerStatus { online, degraded, offline, maintenance };

std::string_view word(VmStatus status);
std::string_view word(ServerStatus status);

using Figure = std::optional<double>;
using Counter = std::optional<std::uint64_t>;

struct VmInfo {
    VmIdentity identity;
    VmStatus status = VmStatus::unknown;
    std::string reason;
    std::optional<ServerId> serverId;
    bool persistent = true;
    std::optional<bool> autostart;
    std::optional<std::int64_t> vcpus;
    std::optional<std::int64_t> memoryMb;
    std::optional<std::string> os;
    std::optional<std::string> title;
    std::optional<bool> console;
    std::optional<std::string> bootId;
    bool stale = false;
};

struct DiskMetrics {
    std::string name;
    Counter readBytes, writeBytes;
    Figure readBytesPerSecond, writeBytesPerSecond;
    Figure readIops, writeIops;
    Figure readLatencyMs, writeLatencyMs;
    Counter capacityBytes, allocationBytes, physicalBytes;
};

struct NetworkMetrics {
    std::string name;
    Counter rxBytes, txBytes;
    Figure rxBytesPerSecond, txBytesPerSecond;
    Figure rxPacketsPerSecond, txPacketsPerSecond;
    Counter rxErrors, txErrors, rxDrops, txDrops;
};

struct VcpuMetrics {
    std::int64_t number = 0;
    std::optional<std::string> state;
    Figure usagePercent, stealPercent;
};

struct VmMetrics {
    Figure cpuUsagePercent, cpuHostPercent, cpuUserPercent, cpuSystemPercent, cpuStealPercent;
    Figure memoryUsagePercent, memoryUsedMb, memoryTotalMb, memoryRssMb;
    std::optional<std::string> memorySource;
    Figure swapInBytesPerSecond, swapOutBytesPerSecond, majorFaultsPerSecond;
    Counter networkRxBytes, networkTxBytes;
    Figure networkRxBytesPerSecond, networkTxBytesPerSecond;
    Figure networkRxPacketsPerSecond, networkTxPacketsPerSecond;
    Counter networkRxErrors, networkTxErrors, networkRxDrops, networkTxDrops;
    Counter diskReadBytes, diskWriteBytes;
    Figure diskReadBytesPerSecond, diskWriteBytesPerSecond;
    Figure diskReadIops, diskWriteIops, diskReadLatencyMs, diskWriteLatencyMs;
    std::vector<DiskMetrics> disks;
    std::vector<NetworkMetrics> networks;
    std::vector<VcpuMetrics> vcpus;
    /// When the counters behind it were read; `age_ms` on the wire counts from here.
    common::Monotonic takenAt{};
    std::optional<std::int64_t> intervalMs;
    bool stale = false;
    std::optional<std::string> bootId;
};

struct Pressure {
    Figure someAvg10, fullAvg10;
};

struct PoolMetrics {
    std::string name;
    std::string type;
    std::string state;
    std::optional<bool> autostart;
    Figure usagePercent, capacityGb, allocationGb, availableGb;
    common::Monotonic takenAt{};
    bool stale = false;
};

struct ServerMetrics {
    Figure cpuUsagePercent, cpuIowaitPercent, cpuStealPercent;
    Figure memoryUsagePercent, memoryUsedGb, memoryTotalGb;
    Figure swapUsagePercent, swapUsedGb, swapTotalGb;
    Figure diskUsagePercent, diskUsedGb, diskTotalGb;
    Figure diskReadBytesPerSecond, diskWriteBytesPerSecond;
    Counter networkRxBytes, networkTxBytes;
    Figure networkRxBytesPerSecond, networkTxBytesPerSecond;
    std::optional<std::vector<double>> loadAverage;
    std::optional<std::int64_t> vcpusAllocated;
    Figure memoryAllocatedGb;
    std::int64_t vmsRunning = 0;
    std::int64_t vmsTotal = 0;
    std::optional<std::int64_t> uptimeSeconds;
    struct Pressures {
        Pressure cpu, memory, io;
    };
    std::optional<Pressures> pressure;
    std::optional<std::vector<PoolMetrics>> pools;
    common::Monotonic takenAt{};
    std::optional<std::int64_t> intervalMs;
    bool stale = false;
};

struct ServerInfo {
    std::optional<ServerId> id;
    std::optional<Uuid> uuid;
    std::string hostname;
    std::optional<std::string> ipAddress;
    ServerStatus status = ServerStatus::offline;
    std::string reason = "starting";  ///< why it has this status
    std::string agentVersion;
    bool libvirtConnected = false;
    std::string libvirtUri;
    std::optional<std::string> hypervisor;
    std::optional<std::string> hypervisorVersion;
    std::optional<std::string> libraryVersion;
    std::optional<std::int64_t> cpus;
    std::optional<std::int64_t> memoryTotalMb;
};

struct VmStatusChanged {
    VmIdentity vm;
    VmStatus oldStatus, newStatus;
    std::string reason;
    std::optional<std::string> bootId;
    std::optional<ServerId> serverId;
};
struct VmCreated {
    VmInfo vm;
};
struct VmUpdated {
    VmInfo vm;
    /// Wire names of what changed; empty after a redefinition that this message does not show.
    std::vector<std::string_view> changed;
    /// What permissions and filters knew it by until now.
    VmIdentity before;
};
struct VmDeleted {
    VmIdentity vm;
    std::optional<std::string> reason;
};
struct VmMetricsUpdate {
    VmIdentity vm;
    VmMetrics metrics;
};
struct ServerStatusChanged {
    std::optional<ServerId> serverId;
    std::string hostname;
    ServerStatus oldStatus, newStatus;
    std::string reason;
};
struct ServerRegistered {
    ServerInfo server;
};
struct ServerRemoved {
    std::optional<ServerId> serverId;
    std::string hostname;
};
struct ServerMetricsUpdate {
    std::optional<ServerId> serverId;
    std::string hostname;
    ServerMetrics metrics;
};

/// What an alert or an operation is about where that is neither a VM nor this host, in the words of
/// the program that published it.
struct OtherEntity {
    std::string type;
    std::optional<std::int64_t> id;
    bool operator==(const OtherEntity&) const = default;
};

enum class Severity { info, warning, error, critical };
std::string_view word(Severity severity);

struct Alert {
    std::string id;
    std::string type;
    Severity severity = Severity::warning;
    std::string title;
    std::string message;
    /// The VM that it is about; else `other`; else it is about the server.
    std::optional<VmIdentity> vm;
    std::optional<OtherEntity> other;
    std::optional<ServerId> serverId;
    bool firing = true;
    common::WallClock firstSeen, lastSeen;
    std::int64_t count = 1;
    Figure value, threshold;
    bool operator==(const Alert&) const = default;
};

enum class ProgressStatus { pending, inProgress, completed, failed, cancelled };
std::string_view word(ProgressStatus status);
/// True for one that nothing follows any more.
constexpr bool isEnd(ProgressStatus status) {
    return status >= ProgressStatus::completed;
}

/// An operation, and how far it is.
struct Progress {
    std::string operationId;
    std::string operationType;
    double percent = 0;  ///< never goes down; 100 with `completed` alone, else at most 99
    ProgressStatus status = ProgressStatus::pending;
    std::string message;
    /// The VM that it is about; without one it is tied to nothing.
    std::optional<VmIdentity> vm;
    std::optional<std::string> phase;
    Counter bytesTotal, bytesProcessed, bytesRemaining;
    Figure bytesPerSecond;
    std::optional<std::int64_t> elapsedMs, etaMs;
    std::optional<std::string> error;
    /// The first that is told of this operation: ordered, as its end is.
    bool begins = false;
};

using Event = std::variant<VmStatusChanged, VmCreated, VmUpdated, VmDeleted, VmMetricsUpdate,
                           ServerStatusChanged, ServerRegistered, ServerRemoved,
                           ServerMetricsUpdate, Alert, Progress>;

/// In the order of the alternatives of Event.
enum class EventKind : std::uint8_t {
    vmStatusChanged,
    vmCreated,
    vmUpdated,
    vmDeleted,
    vmMetricsUpdate,
    serverStatusChanged,
    serverRegistered,
    serverRemoved,
    serverMetricsUpdate,
    alert,
    progress
};
inline constexpr std::size_t eventKinds = 11;

inline EventKind kindOf(const Event& event) {
    return static_cast<EventKind>(event.index());
}
std::string_view wireName(EventKind kind);
std::optional<EventKind> eventKind(std::string_view wireName);
/// Only the latest one of its entity matters; it carries no `seq` and is never replayed.
inline bool conflatable(const Event& event) {
    if (const auto* progress = std::get_if<Progress>(&event))
        return !progress->begins && !isEnd(progress->status);
    return std::holds_alternative<VmMetricsUpdate>(event) ||
           std::holds_alternative<ServerMetricsUpdate>(event);
}

}  // namespace rollo::proto
