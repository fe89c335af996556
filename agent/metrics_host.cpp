// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics_host.hpp"

#include <array>
#include <chrono>

namespace rollo::agent {
namespace {

using common::MetricsText;
using core::HostSample;
using core::HostState;
using proto::Counter;

constexpr double bytesPerGib = 1024.0 * 1024 * 1024;

void tellOfHost(MetricsText& out, const proto::ServerInfo& server) {
    out.gauge("rollo_host_info", "What the host is called, and what runs on it: 1.");
    out.sample(std::uint64_t{1}, {{"uuid", server.uuid ? server.uuid->toString() : ""},
                                  {"hostname", server.hostname},
                                  {"hypervisor", server.hypervisor.value_or("")},
                                  {"hypervisor_version", server.hypervisorVersion.value_or("")},
                                  {"library_version", server.libraryVersion.value_or("")}});
    out.gauge("libvirt_up", "1: the agent is connected to libvirt.",
              server.libvirtConnected ? 1 : 0);
    if (server.cpus)
        out.gauge("rollo_host_cpus", "Processors of the host.", static_cast<double>(*server.cpus));
}

void tellOfCpu(MetricsText& out, const HostSample& sample) {
    struct Mode {
        std::string_view name;
        Counter HostSample::* member;
    };
    static constexpr std::array modes = {
        Mode{"user", &HostSample::cpuUserNs}, Mode{"system", &HostSample::cpuKernelNs},
        Mode{"idle", &HostSample::cpuIdleNs}, Mode{"iowait", &HostSample::cpuIowaitNs},
        Mode{"steal", &HostSample::cpuStealNs}};
    out.counter("rollo_host_cpu_seconds_total",
                "Time of all processors together since the host's boot, by mode.");
    for (const auto& mode : modes)
        if (const Counter& ns = sample.*mode.member)
            out.sample(static_cast<double>(*ns) / 1e9, {{"mode", mode.name}});
}

struct Size {
    std::string_view name;
    std::string_view help;
    Counter HostSample::* member;
    std::uint64_t unit;
};
constexpr std::array sizes = {
    Size{"rollo_host_memory_total_bytes", "Memory of the host.", &HostSample::memoryTotalKib, 1024},
    Size{"rollo_host_memory_available_bytes", "What can be had of it without swapping.",
         &HostSample::memoryAvailableKib, 1024},
    Size{"rollo_host_memory_free_bytes", "What is not used at all.", &HostSample::memoryFreeKib,
         1024},
    Size{"rollo_host_memory_buffers_bytes", "What buffers of block devices take.",
         &HostSample::memoryBuffersKib, 1024},
    Size{"rollo_host_memory_cached_bytes", "What the page cache takes.",
         &HostSample::memoryCachedKib, 1024},
    Size{"rollo_host_swap_total_bytes", "Room for swapping.", &HostSample::swapTotalKib, 1024},
    Size{"rollo_host_swap_free_bytes", "What is left of it.", &HostSample::swapFreeKib, 1024},
    Size{"rollo_host_disk_size_bytes", "The file system that holds the guests' disks.",
         &HostSample::diskTotalBytes, 1},
    Size{"rollo_host_disk_used_bytes", "What is used of it.", &HostSample::diskUsedBytes, 1},
};

void tellOfSizes(MetricsText& out, const HostSample& sample) {
    for (const auto& size : sizes)
        if (const Counter& value = sample.*size.member)
            out.gauge(size.name, size.help, static_cast<double>(*value * size.unit));
}

void tellOfNetwork(MetricsText& out, const HostSample& sample) {
    if (sample.networkRxBytes)
        out.counter("rollo_host_network_receive_bytes_total",
                    "Received by the host's own interfaces since its boot.",
                    *sample.networkRxBytes);
    if (sample.networkTxBytes)
        out.counter("rollo_host_network_transmit_bytes_total",
                    "Sent by the host's own interfaces since its boot.", *sample.networkTxBytes);
}

void tellOfLoad(MetricsText& out, const HostSample& sample) {
    static constexpr std::array names = {"rollo_host_load1", "rollo_host_load5",
                                         "rollo_host_load15"};
    static constexpr std::array helps = {"Mean load of the last minute.",
                                         "Mean load of the last 5 minutes.",
                                         "Mean load of the last 15 minutes."};
    if (sample.loadAverage && sample.loadAverage->size() == names.size())
        for (std::size_t i = 0; i < names.size(); ++i)
            out.gauge(names[i], helps[i], (*sample.loadAverage)[i]);
    if (sample.uptimeSeconds)
        out.gauge("rollo_host_uptime_seconds", "Since the host's boot.",
                  static_cast<double>(*sample.uptimeSeconds));
}

void tellOfPressure(MetricsText& out, const proto::ServerMetrics::Pressures& pressure) {
    struct Resource {
        std::string_view name;
        const proto::Pressure& figures;
    };
    const std::array resources = {Resource{"cpu", pressure.cpu},
                                  Resource{"memory", pressure.memory}, Resource{"io", pressure.io}};
    const auto write = [&](proto::Figure proto::Pressure::* member) {
        for (const auto& resource : resources)
            if (const auto& percent = resource.figures.*member)
                out.sample(*percent / 100, {{"resource", resource.name}});
    };
    out.gauge("rollo_host_pressure_some_ratio",
              "Share of the last 10 s in which some task waited for the resource.");
    write(&proto::Pressure::someAvg10);
    out.gauge("rollo_host_pressure_full_ratio",
              "Share of the last 10 s in which all tasks waited for the resource.");
    write(&proto::Pressure::fullAvg10);
}

void tellOfPools(MetricsText& out, const core::Pools& pools) {
    struct Family {
        std::string_view name;
        std::string_view help;
        Counter core::PoolSample::* member;
    };
    static constexpr std::array families = {
        Family{"libvirt_pool_info_capacity_bytes", "How much the storage pool could hold.",
               &core::PoolSample::capacityBytes},
        Family{"libvirt_pool_info_allocation_bytes", "What is taken of it.",
               &core::PoolSample::allocationBytes},
        Family{"libvirt_pool_info_available_bytes", "What is left of it.",
               &core::PoolSample::availableBytes}};
    for (const auto& family : families) {
        out.gauge(family.name, family.help);
        for (const auto& pool : pools)
            if (const Counter& bytes = pool.*family.member)
                out.sample(*bytes, {{"pool", pool.name}});
    }
    out.gauge("rollo_pool_stale", "1: the pool's figures are the last known ones.");
    for (const auto& pool : pools) out.sample(std::uint64_t{pool.stale}, {{"pool", pool.name}});
}

void tellOfSample(MetricsText& out, const HostSample& sample, common::Monotonic now) {
    tellOfCpu(out, sample);
    tellOfSizes(out, sample);
    tellOfNetwork(out, sample);
    tellOfLoad(out, sample);
    if (sample.pools) tellOfPools(out, *sample.pools);
    if (sample.pressure) tellOfPressure(out, *sample.pressure);
    out.gauge("rollo_host_sample_age_seconds", "How old these figures are.",
              std::chrono::duration<double>(now - sample.takenAt).count());
}

void tellOfAllocated(MetricsText& out, const proto::ServerMetrics& metrics) {
    if (metrics.vcpusAllocated)
        out.gauge("rollo_host_vcpus_allocated", "vCPUs of the running VMs together.",
                  static_cast<double>(*metrics.vcpusAllocated));
    if (metrics.memoryAllocatedGb)
        out.gauge("rollo_host_memory_allocated_bytes", "Memory of the running VMs together.",
                  *metrics.memoryAllocatedGb * bytesPerGib);
}

/// A family that counts by a word, each possible one with a sample of its own.
template <class Word, class Items, class WordOf>
void countBy(MetricsText& out, std::string_view label, std::initializer_list<Word> words,
             const Items& items, WordOf wordOf) {
    for (const Word each : words) {
        std::uint64_t count = 0;
        for (const auto& [key, item] : items) count += wordOf(item) == each ? 1 : 0;
        out.sample(count, {{label, proto::word(each)}});
    }
}

void tellOfVms(MetricsText& out, const HostState& state) {
    using enum proto::VmStatus;
    out.gauge("rollo_vms", "VMs, by status.");
    countBy(out, "status",
            {running, stopped, paused, suspended, stopping, crashed, unresponsive, unknown},
            state.vms, [](const core::Vm& vm) { return vm.info.status; });
}

void tellOfEvents(MetricsText& out, const HostState& state) {
    using enum proto::Severity;
    out.gauge("rollo_alerts_firing", "Alerts that fire, by severity.");
    countBy(out, "severity", {info, warning, error, critical}, state.alerts,
            [](const proto::Alert& alert) { return alert.severity; });
    using enum proto::ProgressStatus;
    out.gauge("rollo_operations", "Operations under way, by status.");
    countBy(out, "status", {pending, inProgress}, state.operations,
            [](const proto::Progress& operation) { return operation.status; });
}

}  // namespace

void writeHost(MetricsText& out, const HostState& state, common::Monotonic now) {
    tellOfHost(out, state.server);
    if (state.hostSample) tellOfSample(out, *state.hostSample, now);
    if (state.serverMetrics) tellOfAllocated(out, *state.serverMetrics);
    tellOfVms(out, state);
    tellOfEvents(out, state);
}

}  // namespace rollo::agent
