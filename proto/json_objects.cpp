// SPDX-License-Identifier: Apache-2.0
#include "proto/json_objects.hpp"

namespace rollo::proto {
namespace {

using common::JsonWriter;

std::optional<std::string> text(const std::optional<Uuid>& uuid) {
    if (!uuid) return std::nullopt;
    return uuid->toString();
}

std::int64_t ageMs(common::Monotonic takenAt, const common::Now& now) {
    using namespace std::chrono;
    return std::max<std::int64_t>(0, duration_cast<milliseconds>(now.mono - takenAt).count());
}

void write(JsonWriter& json, const DiskMetrics& disk) {
    json.beginObject();
    json.member("name", disk.name);
    json.member("read_bytes", disk.readBytes);
    json.member("write_bytes", disk.writeBytes);
    json.member("read_bytes_per_second", disk.readBytesPerSecond);
    json.member("write_bytes_per_second", disk.writeBytesPerSecond);
    json.member("read_iops", disk.readIops);
    json.member("write_iops", disk.writeIops);
    json.member("read_latency_ms", disk.readLatencyMs);
    json.member("write_latency_ms", disk.writeLatencyMs);
    json.member("capacity_bytes", disk.capacityBytes);
    json.member("allocation_bytes", disk.allocationBytes);
    json.member("physical_bytes", disk.physicalBytes);
    json.endObject();
}

void write(JsonWriter& json, const NetworkMetrics& network) {
    json.beginObject();
    json.member("name", network.name);
    json.member("rx_bytes", network.rxBytes);
    json.member("tx_bytes", network.txBytes);
    json.member("rx_bytes_per_second", network.rxBytesPerSecond);
    json.member("tx_bytes_per_second", network.txBytesPerSecond);
    json.member("rx_packets_per_second", network.rxPacketsPerSecond);
    json.member("tx_packets_per_second", network.txPacketsPerSecond);
    json.member("rx_errors", network.rxErrors);
    json.member("tx_errors", network.txErrors);
    json.member("rx_drops", network.rxDrops);
    json.member("tx_drops", network.txDrops);
    json.endObject();
}

void write(JsonWriter& json, const VcpuMetrics& vcpu) {
    json.beginObject();
    json.member("number", vcpu.number);
    json.member("state", vcpu.state);
    json.member("usage_percent", vcpu.usagePercent);
    json.member("steal_percent", vcpu.stealPercent);
    json.endObject();
}

template <class T>
void list(JsonWriter& json, std::string_view name, const std::vector<T>& items) {
    json.key(name);
    json.beginArray();
    for (const auto& item : items) write(json, item);
    json.endArray();
}

void writeTotals(JsonWriter& json, const VmMetrics& metrics) {
    json.member("network_rx_bytes", metrics.networkRxBytes);
    json.member("network_tx_bytes", metrics.networkTxBytes);
    json.member("network_rx_bytes_per_second", metrics.networkRxBytesPerSecond);
    json.member("network_tx_bytes_per_second", metrics.networkTxBytesPerSecond);
    json.member("network_rx_packets_per_second", metrics.networkRxPacketsPerSecond);
    json.member("network_tx_packets_per_second", metrics.networkTxPacketsPerSecond);
    json.member("network_rx_errors", metrics.networkRxErrors);
    json.member("network_tx_errors", metrics.networkTxErrors);
    json.member("network_rx_drops", metrics.networkRxDrops);
    json.member("network_tx_drops", metrics.networkTxDrops);
    json.member("disk_read_bytes", metrics.diskReadBytes);
    json.member("disk_write_bytes", metrics.diskWriteBytes);
    json.member("disk_read_bytes_per_second", metrics.diskReadBytesPerSecond);
    json.member("disk_write_bytes_per_second", metrics.diskWriteBytesPerSecond);
    json.member("disk_read_iops", metrics.diskReadIops);
    json.member("disk_write_iops", metrics.diskWriteIops);
    json.member("disk_read_latency_ms", metrics.diskReadLatencyMs);
    json.member("disk_write_latency_ms", metrics.diskWriteLatencyMs);
}

void write(JsonWriter& json, const Pressure& pressure) {
    json.beginObject();
    json.member("some_avg10", pressure.someAvg10);
    json.member("full_avg10", pressure.fullAvg10);
    json.endObject();
}

void write(JsonWriter& json, const std::optional<ServerMetrics::Pressures>& pressure) {
    json.key("pressure");
    if (!pressure) return json.null();
    json.beginObject();
    json.key("cpu");
    write(json, pressure->cpu);
    json.key("memory");
    write(json, pressure->memory);
    json.key("io");
    write(json, pressure->io);
    json.endObject();
}

void write(JsonWriter& json, const std::vector<PoolMetrics>& pools, const common::Now& now) {
    json.beginArray();
    for (const auto& pool : pools) {
        json.beginObject();
        json.member("name", pool.name);
        json.member("type", pool.type);
        json.member("state", pool.state);
        json.member("autostart", pool.autostart);
        json.member("usage_percent", pool.usagePercent);
        json.member("capacity_gb", pool.capacityGb);
        json.member("allocation_gb", pool.allocationGb);
        json.member("available_gb", pool.availableGb);
        json.member("age_ms", ageMs(pool.takenAt, now));
        json.member("stale", pool.stale);
        json.endObject();
    }
    json.endArray();
}

}  // namespace

void write(JsonWriter& json, const VmMetrics& metrics, const common::Now& now) {
    json.beginObject();
    json.member("cpu_usage_percent", metrics.cpuUsagePercent);
    json.member("cpu_host_percent", metrics.cpuHostPercent);
    json.member("cpu_user_percent", metrics.cpuUserPercent);
    json.member("cpu_system_percent", metrics.cpuSystemPercent);
    json.member("cpu_steal_percent", metrics.cpuStealPercent);
    json.member("memory_usage_percent", metrics.memoryUsagePercent);
    json.member("memory_used_mb", metrics.memoryUsedMb);
    json.member("memory_total_mb", metrics.memoryTotalMb);
    json.member("memory_rss_mb", metrics.memoryRssMb);
    json.member("memory_source", metrics.memorySource);
    json.member("swap_in_bytes_per_second", metrics.swapInBytesPerSecond);
    json.member("swap_out_bytes_per_second", metrics.swapOutBytesPerSecond);
    json.member("major_faults_per_second", metrics.majorFaultsPerSecond);
    writeTotals(json, metrics);
    list(json, "disks", metrics.disks);
    list(json, "networks", metrics.networks);
    list(json, "vcpus", metrics.vcpus);
    json.member("age_ms", ageMs(metrics.takenAt, now));
    json.member("interval_ms", metrics.intervalMs);
    json.member("stale", metrics.stale);
    json.member("boot_id", metrics.bootId);
    json.endObject();
}

void write(JsonWriter& json, const VmInfo& vm, const VmMetrics* metrics, bool withMetrics,
           const common::Now& now) {
    json.beginObject();
    json.member("id", vm.identity.id);
    json.member("name", vm.identity.name);
    json.member("uuid", vm.identity.uuid.toString());
    json.member("status", word(vm.status));
    json.member("reason", vm.reason);
    json.member("server_id", vm.serverId);
    json.member("persistent", vm.persistent);
    json.member("autostart", vm.autostart);
    json.member("vcpus", vm.vcpus);
    json.member("memory_mb", vm.memoryMb);
    json.member("os", vm.os);
    json.member("title", vm.title);
    json.member("console", vm.console);
    json.member("boot_id", vm.bootId);
    json.member("stale", vm.stale);
    if (withMetrics) {
        json.key("metrics");
        if (metrics)
            write(json, *metrics, now);
        else
            json.null();
    }
    json.endObject();
}

void writeMembers(JsonWriter& json, const ServerInfo& server) {
    json.member("id", server.id);
    json.member("uuid", text(server.uuid));
    json.member("hostname", server.hostname);
    json.member("ip_address", server.ipAddress);
    json.member("status", word(server.status));
    json.member("reason", server.reason);
    json.member("agent_version", server.agentVersion);
    json.key("libvirt");
    json.beginObject();
    json.member("connected", server.libvirtConnected);
    json.member("uri", server.libvirtUri);
    json.member("hypervisor", server.hypervisor);
    json.member("hypervisor_version", server.hypervisorVersion);
    json.member("library_version", server.libraryVersion);
    json.endObject();
    json.member("cpus", server.cpus);
    json.member("memory_total_mb", server.memoryTotalMb);
}

void write(JsonWriter& json, const ServerInfo& server) {
    json.beginObject();
    writeMembers(json, server);
    json.endObject();
}

void write(JsonWriter& json, const ServerMetrics& metrics, const common::Now& now) {
    json.beginObject();
    json.member("cpu_usage_percent", metrics.cpuUsagePercent);
    json.member("cpu_iowait_percent", metrics.cpuIowaitPercent);
    json.member("cpu_steal_percent", metrics.cpuStealPercent);
    json.member("memory_usage_percent", metrics.memoryUsagePercent);
    json.member("memory_used_gb", metrics.memoryUsedGb);
    json.member("memory_total_gb", metrics.memoryTotalGb);
    json.member("swap_usage_percent", metrics.swapUsagePercent);
    json.member("swap_used_gb", metrics.swapUsedGb);
    json.member("swap_total_gb", metrics.swapTotalGb);
    json.member("disk_usage_percent", metrics.diskUsagePercent);
    json.member("disk_used_gb", metrics.diskUsedGb);
    json.member("disk_total_gb", metrics.diskTotalGb);
    json.member("disk_read_bytes_per_second", metrics.diskReadBytesPerSecond);
    json.member("disk_write_bytes_per_second", metrics.diskWriteBytesPerSecond);
    json.member("network_rx_bytes", metrics.networkRxBytes);
    json.member("network_tx_bytes", metrics.networkTxBytes);
    json.member("network_rx_bytes_per_second", metrics.networkRxBytesPerSecond);
    json.member("network_tx_bytes_per_second", metrics.networkTxBytesPerSecond);
    json.member("load_average", metrics.loadAverage);
    json.member("vcpus_allocated", metrics.vcpusAllocated);
    json.member("memory_allocated_gb", metrics.memoryAllocatedGb);
    json.member("vms_running", metrics.vmsRunning);
    json.member("vms_total", metrics.vmsTotal);
    json.member("uptime_seconds", metrics.uptimeSeconds);
    json.key("pools");
    if (metrics.pools)
        write(json, *metrics.pools, now);
    else
        json.null();
    write(json, metrics.pressure);
    json.member("age_ms", ageMs(metrics.takenAt, now));
    json.member("interval_ms", metrics.intervalMs);
    json.member("stale", metrics.stale);
    json.endObject();
}

void writeMembers(JsonWriter& json, const Alert& alert) {
    json.member("alert_id", alert.id);
    json.member("alert_type", alert.type);
    json.member("severity", word(alert.severity));
    json.member("title", alert.title);
    json.member("message", alert.message);
    if (alert.vm) {
        json.member("entity_type", "vm");
        json.member("entity_id", alert.vm->id);
    } else if (alert.other) {
        json.member("entity_type", alert.other->type);
        json.member("entity_id", alert.other->id);
    } else {
        json.member("entity_type", "server");
        json.member("entity_id", alert.serverId);
    }
    json.member("state", alert.firing ? "firing" : "resolved");
    json.member("first_seen", common::formatTimestamp(alert.firstSeen));
    json.member("last_seen", common::formatTimestamp(alert.lastSeen));
    json.member("count", alert.count);
    json.member("value", alert.value);
    json.member("threshold", alert.threshold);
}

void writeMembers(JsonWriter& json, const Progress& progress) {
    json.member("operation_id", progress.operationId);
    json.member("operation_type", progress.operationType);
    json.member("progress_percent", progress.percent);
    json.member("status", word(progress.status));
    json.member("message", progress.message);
    if (progress.vm) json.member("vm_id", progress.vm->id);
    json.member("phase", progress.phase);
    json.member("bytes_total", progress.bytesTotal);
    json.member("bytes_processed", progress.bytesProcessed);
    json.member("bytes_remaining", progress.bytesRemaining);
    json.member("rate_bytes_per_second", progress.bytesPerSecond);
    json.member("elapsed_ms", progress.elapsedMs);
    json.member("eta_ms", progress.etaMs);
    if (progress.error) json.member("error", *progress.error);
}

}  // namespace rollo::proto
