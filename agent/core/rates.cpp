// SPDX-License-Identifier: Apache-2.0
#include "agent/core/rates.hpp"

#include <algorithm>
#include <chrono>

#include "agent/core/figures.hpp"

namespace rollo::core {
namespace {

/// QEMU asks the balloon driver every few seconds at most; what is older tells of another time.
constexpr std::chrono::seconds guestFiguresLast{60};

Figure latencyMs(const Figure& timeNs, const Figure& requests) {
    if (!timeNs || !requests || *requests <= 0) return std::nullopt;
    return *timeNs / *requests / 1e6;
}

template <class T>
const T* byName(const std::vector<T>* list, const std::string& name) {
    if (!list) return nullptr;
    const auto found =
        std::find_if(list->begin(), list->end(), [&](const T& each) { return each.name == name; });
    return found == list->end() ? nullptr : &*found;
}

/// The sum of what is known; nothing where there are devices and none of them is known.
template <class T, class Field>
auto sum(const std::vector<T>& devices, Field field) {
    using Value = std::remove_cvref_t<decltype(devices.front().*field)>;
    Value total;
    if (devices.empty()) total = typename Value::value_type{};
    for (const auto& device : devices)
        if (device.*field) total = total.value_or(0) + *(device.*field);
    return total;
}

proto::DiskMetrics diskMetrics(const DiskCounters* previous, const DiskCounters& current,
                               double elapsed, Figure& reads, Figure& writes, Figure& readNs,
                               Figure& writeNs) {
    static const DiskCounters nothing;
    const DiskCounters& from = previous ? *previous : nothing;
    reads = growth(from.readRequests, current.readRequests);
    writes = growth(from.writeRequests, current.writeRequests);
    readNs = growth(from.readTimeNs, current.readTimeNs);
    writeNs = growth(from.writeTimeNs, current.writeTimeNs);
    proto::DiskMetrics disk;
    disk.name = current.name;
    disk.readBytes = current.readBytes;
    disk.writeBytes = current.writeBytes;
    disk.readBytesPerSecond = divided(growth(from.readBytes, current.readBytes), elapsed);
    disk.writeBytesPerSecond = divided(growth(from.writeBytes, current.writeBytes), elapsed);
    disk.readIops = divided(reads, elapsed);
    disk.writeIops = divided(writes, elapsed);
    disk.readLatencyMs = latencyMs(readNs, reads);
    disk.writeLatencyMs = latencyMs(writeNs, writes);
    disk.capacityBytes = current.capacity;
    disk.allocationBytes = current.allocation;
    disk.physicalBytes = current.physical;
    return disk;
}

void add(Figure& total, const Figure& more) {
    if (more) total = total.value_or(0) + *more;
}

void addDisks(proto::VmMetrics& metrics, const DomainSample* previous, const DomainSample& current,
              double elapsed) {
    Figure allReads, allWrites, allReadNs, allWriteNs;
    for (const auto& counters : current.disks) {
        Figure reads, writes, readNs, writeNs;
        metrics.disks.push_back(
            diskMetrics(byName(previous ? &previous->disks : nullptr, counters.name), counters,
                        elapsed, reads, writes, readNs, writeNs));
        add(allReads, reads);
        add(allWrites, writes);
        add(allReadNs, readNs);
        add(allWriteNs, writeNs);
    }
    metrics.diskReadBytes = sum(metrics.disks, &proto::DiskMetrics::readBytes);
    metrics.diskWriteBytes = sum(metrics.disks, &proto::DiskMetrics::writeBytes);
    if (previous) {
        metrics.diskReadBytesPerSecond =
            sum(metrics.disks, &proto::DiskMetrics::readBytesPerSecond);
        metrics.diskWriteBytesPerSecond =
            sum(metrics.disks, &proto::DiskMetrics::writeBytesPerSecond);
        metrics.diskReadIops = sum(metrics.disks, &proto::DiskMetrics::readIops);
        metrics.diskWriteIops = sum(metrics.disks, &proto::DiskMetrics::writeIops);
    }
    metrics.diskReadLatencyMs = latencyMs(allReadNs, allReads);
    metrics.diskWriteLatencyMs = latencyMs(allWriteNs, allWrites);
}

proto::NetworkMetrics networkMetrics(const NetworkCounters* previous,
                                     const NetworkCounters& current, double elapsed) {
    static const NetworkCounters nothing;
    const NetworkCounters& from = previous ? *previous : nothing;
    proto::NetworkMetrics network;
    network.name = current.name;
    network.rxBytes = current.rxBytes;
    network.txBytes = current.txBytes;
    network.rxBytesPerSecond = divided(growth(from.rxBytes, current.rxBytes), elapsed);
    network.txBytesPerSecond = divided(growth(from.txBytes, current.txBytes), elapsed);
    network.rxPacketsPerSecond = divided(growth(from.rxPackets, current.rxPackets), elapsed);
    network.txPacketsPerSecond = divided(growth(from.txPackets, current.txPackets), elapsed);
    network.rxErrors = current.rxErrors;
    network.txErrors = current.txErrors;
    network.rxDrops = current.rxDrops;
    network.txDrops = current.txDrops;
    return network;
}

void addNetworks(proto::VmMetrics& metrics, const DomainSample* previous,
                 const DomainSample& current, double elapsed) {
    using proto::NetworkMetrics;
    for (const auto& counters : current.networks)
        metrics.networks.push_back(networkMetrics(
            byName(previous ? &previous->networks : nullptr, counters.name), counters, elapsed));
    const auto& all = metrics.networks;
    metrics.networkRxBytes = sum(all, &NetworkMetrics::rxBytes);
    metrics.networkTxBytes = sum(all, &NetworkMetrics::txBytes);
    metrics.networkRxErrors = sum(all, &NetworkMetrics::rxErrors);
    metrics.networkTxErrors = sum(all, &NetworkMetrics::txErrors);
    metrics.networkRxDrops = sum(all, &NetworkMetrics::rxDrops);
    metrics.networkTxDrops = sum(all, &NetworkMetrics::txDrops);
    if (!previous) return;
    metrics.networkRxBytesPerSecond = sum(all, &NetworkMetrics::rxBytesPerSecond);
    metrics.networkTxBytesPerSecond = sum(all, &NetworkMetrics::txBytesPerSecond);
    metrics.networkRxPacketsPerSecond = sum(all, &NetworkMetrics::rxPacketsPerSecond);
    metrics.networkTxPacketsPerSecond = sum(all, &NetworkMetrics::txPacketsPerSecond);
}

Figure sharePercent(const Counter& from, const Counter& to, double elapsed, double cpus) {
    return scaled(divided(growth(from, to), elapsed * cpus * 1e9), 100);
}

const VcpuCounters* sameVcpu(const DomainSample* sample, std::int64_t number) {
    if (!sample) return nullptr;
    for (const auto& vcpu : sample->vcpus)
        if (vcpu.number == number) return &vcpu;
    return nullptr;
}

void addCpu(proto::VmMetrics& metrics, const DomainSample* previous, const DomainSample& current,
            double elapsed, std::int64_t hostCpus) {
    Figure steal;
    for (const auto& vcpu : current.vcpus) {
        const VcpuCounters* before = sameVcpu(previous, vcpu.number);
        const Counter none;
        proto::VcpuMetrics figures;
        figures.number = vcpu.number;
        figures.state = vcpu.state;
        figures.usagePercent =
            sharePercent(before ? before->timeNs : none, vcpu.timeNs, elapsed, 1);
        figures.stealPercent =
            sharePercent(before ? before->delayNs : none, vcpu.delayNs, elapsed, 1);
        add(steal, figures.stealPercent);
        metrics.vcpus.push_back(std::move(figures));
    }
    const auto vcpus = static_cast<double>(current.vcpus.size());
    metrics.cpuStealPercent = divided(steal, vcpus);
    if (!previous) return;
    metrics.cpuUsagePercent = sharePercent(previous->cpuTimeNs, current.cpuTimeNs, elapsed, vcpus);
    metrics.cpuUserPercent = sharePercent(previous->cpuUserNs, current.cpuUserNs, elapsed, vcpus);
    metrics.cpuSystemPercent =
        sharePercent(previous->cpuSystemNs, current.cpuSystemNs, elapsed, vcpus);
    metrics.cpuHostPercent = sharePercent(previous->cpuTimeNs, current.cpuTimeNs, elapsed,
                                          static_cast<double>(hostCpus));
}

/// True where the guest's balloon driver has reported lately: its figures are then the guest's own.
bool guestReports(const DomainSample& sample, common::WallClock now) {
    if (!sample.balloonAvailableKib || (!sample.balloonUsableKib && !sample.balloonUnusedKib))
        return false;
    if (!sample.balloonLastUpdate || *sample.balloonLastUpdate == 0) return false;
    const auto last = common::WallClock(
        std::chrono::seconds(static_cast<std::int64_t>(*sample.balloonLastUpdate)));
    return now - last < guestFiguresLast;
}

void addMemory(proto::VmMetrics& metrics, const DomainSample* previous, const DomainSample& current,
               double elapsed, common::WallClock now) {
    metrics.memoryRssMb = as(current.balloonRssKib, kibPerMib);
    metrics.memoryTotalMb = as(current.balloonCurrentKib, kibPerMib);
    if (guestReports(current, now)) {
        const Counter spare =
            current.balloonUsableKib ? current.balloonUsableKib : current.balloonUnusedKib;
        metrics.memorySource = "guest";
        metrics.memoryTotalMb = as(current.balloonAvailableKib, kibPerMib);
        metrics.memoryUsedMb = divided(growth(spare, current.balloonAvailableKib), kibPerMib);
        metrics.memoryUsagePercent =
            divided(scaled(metrics.memoryUsedMb, 100), metrics.memoryTotalMb.value_or(0));
        if (!previous) return;
        metrics.swapInBytesPerSecond =
            scaled(divided(growth(previous->swapInKib, current.swapInKib), elapsed), 1024);
        metrics.swapOutBytesPerSecond =
            scaled(divided(growth(previous->swapOutKib, current.swapOutKib), elapsed), 1024);
        metrics.majorFaultsPerSecond =
            divided(growth(previous->majorFaults, current.majorFaults), elapsed);
    } else if (metrics.memoryRssMb) {
        // What the process holds, not what the guest uses: no percentage is made of it.
        metrics.memorySource = "rss";
        metrics.memoryUsedMb = metrics.memoryRssMb;
    } else if (metrics.memoryTotalMb) {
        metrics.memorySource = "balloon";
    }
}

bool wentBackwards(const DomainSample& previous, const DomainSample& current) {
    return previous.domainId != current.domainId ||
           (previous.cpuTimeNs && current.cpuTimeNs && *current.cpuTimeNs < *previous.cpuTimeNs);
}

}  // namespace

proto::VmMetrics vmMetrics(const DomainSample* previous, const DomainSample& current,
                           std::int64_t hostCpus, common::WallClock now) {
    if (previous && wentBackwards(*previous, current)) previous = nullptr;
    const double elapsed = previous ? seconds(previous->takenAt, current.takenAt) : 0;
    proto::VmMetrics metrics;
    metrics.takenAt = current.takenAt;
    if (previous) metrics.intervalMs = intervalMs(previous->takenAt, current.takenAt);
    addCpu(metrics, previous, current, elapsed, hostCpus);
    addMemory(metrics, previous, current, elapsed, now);
    addNetworks(metrics, previous, current, elapsed);
    addDisks(metrics, previous, current, elapsed);
    return metrics;
}

}  // namespace rollo::core
