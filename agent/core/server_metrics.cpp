// SPDX-License-Identifier: Apache-2.0
#include <unordered_set>

#include "agent/core/figures.hpp"
#include "agent/core/rates.hpp"

namespace rollo::core {
namespace {

void addHostCpu(proto::ServerMetrics& metrics, const HostSample& from, const HostSample& to) {
    const Figure user = growth(from.cpuUserNs, to.cpuUserNs);
    const Figure kernel = growth(from.cpuKernelNs, to.cpuKernelNs);
    const Figure idle = growth(from.cpuIdleNs, to.cpuIdleNs);
    const Figure iowait = growth(from.cpuIowaitNs, to.cpuIowaitNs);
    const Figure steal = growth(from.cpuStealNs, to.cpuStealNs);
    if (!user || !kernel || !idle) return;
    const double busy = *user + *kernel;
    const double all = busy + *idle + iowait.value_or(0) + steal.value_or(0);
    metrics.cpuUsagePercent = divided(busy * 100, all);
    metrics.cpuIowaitPercent = divided(scaled(iowait, 100), all);
    metrics.cpuStealPercent = divided(scaled(steal, 100), all);
}

void addTraffic(proto::ServerMetrics& metrics, const HostSample& from, const HostSample& to) {
    const double elapsed = seconds(from.takenAt, to.takenAt);
    const auto rate = [&](Counter HostSample::* counter) {
        return divided(growth(from.*counter, to.*counter), elapsed);
    };
    metrics.diskReadBytesPerSecond = rate(&HostSample::diskReadBytes);
    metrics.diskWriteBytesPerSecond = rate(&HostSample::diskWriteBytes);
    metrics.networkRxBytesPerSecond = rate(&HostSample::networkRxBytes);
    metrics.networkTxBytesPerSecond = rate(&HostSample::networkTxBytes);
}

proto::PoolMetrics poolMetrics(const PoolSample& sample) {
    proto::PoolMetrics pool;
    pool.name = sample.name;
    pool.type = sample.type;
    pool.state = sample.state;
    pool.autostart = sample.autostart;
    pool.capacityGb = as(sample.capacityBytes, bytesPerGib);
    pool.allocationGb = as(sample.allocationBytes, bytesPerGib);
    pool.availableGb = as(sample.availableBytes, bytesPerGib);
    pool.usagePercent = usedPercent(pool.allocationGb, pool.capacityGb);
    pool.takenAt = sample.takenAt;
    pool.stale = sample.stale;
    return pool;
}

/// The pools that have figures, together. Those that lie in one file system tell the same of it:
/// it is counted once.
void addPools(proto::ServerMetrics& metrics, const Pools& pools) {
    std::unordered_set<std::uint64_t> counted;
    for (const auto& sample : pools) {
        const auto pool = poolMetrics(sample);
        metrics.pools->push_back(pool);
        if (!pool.capacityGb || !pool.allocationGb) continue;
        if (sample.fileSystem && !counted.insert(*sample.fileSystem).second) continue;
        metrics.diskTotalGb = metrics.diskTotalGb.value_or(0) + *pool.capacityGb;
        metrics.diskUsedGb = metrics.diskUsedGb.value_or(0) + *pool.allocationGb;
    }
}

void addStorage(proto::ServerMetrics& metrics, const HostSample& sample) {
    if (!sample.pools) return;
    metrics.pools.emplace();
    addPools(metrics, *sample.pools);
    if (!metrics.diskTotalGb) {
        metrics.diskTotalGb = as(sample.diskTotalBytes, bytesPerGib);
        metrics.diskUsedGb = as(sample.diskUsedBytes, bytesPerGib);
    }
    metrics.diskUsagePercent = usedPercent(metrics.diskUsedGb, metrics.diskTotalGb);
}

}  // namespace

proto::ServerMetrics serverMetrics(const HostSample* previous, const HostSample& current) {
    proto::ServerMetrics metrics;
    metrics.takenAt = current.takenAt;
    if (previous) {
        metrics.intervalMs = intervalMs(previous->takenAt, current.takenAt);
        addHostCpu(metrics, *previous, current);
        addTraffic(metrics, *previous, current);
    }
    metrics.memoryTotalGb = as(current.memoryTotalKib, kibPerGib);
    const Counter spare =
        current.memoryAvailableKib ? current.memoryAvailableKib : current.memoryFreeKib;
    metrics.memoryUsedGb = divided(growth(spare, current.memoryTotalKib), kibPerGib);
    metrics.memoryUsagePercent = usedPercent(metrics.memoryUsedGb, metrics.memoryTotalGb);
    metrics.swapTotalGb = as(current.swapTotalKib, kibPerGib);
    metrics.swapUsedGb = divided(growth(current.swapFreeKib, current.swapTotalKib), kibPerGib);
    metrics.swapUsagePercent = usedPercent(metrics.swapUsedGb, metrics.swapTotalGb);
    addStorage(metrics, current);
    metrics.networkRxBytes = current.networkRxBytes;
    metrics.networkTxBytes = current.networkTxBytes;
    metrics.loadAverage = current.loadAverage;
    metrics.uptimeSeconds = current.uptimeSeconds;
    metrics.pressure = current.pressure;
    return metrics;
}

}  // namespace rollo::core
