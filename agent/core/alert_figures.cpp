// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alert_figures.hpp"

#include <algorithm>

namespace rollo::core {
namespace {

using proto::Figure;

Figure sum(const Figure& one, const Figure& other) {
    if (!one && !other) return std::nullopt;
    return one.value_or(0) + other.value_or(0);
}

/// Nothing was asked of the disk: then nothing was slow.
Figure latency(const Figure& latencyMs, const Figure& iops) {
    return !latencyMs && iops && *iops == 0 ? Figure(0) : latencyMs;
}

Figure slowest(const proto::VmMetrics& metrics) {
    const Figure read = latency(metrics.diskReadLatencyMs, metrics.diskReadIops);
    const Figure write = latency(metrics.diskWriteLatencyMs, metrics.diskWriteIops);
    return std::max(read, write);  // an empty one is the smallest
}

Figure loadOfEach(const proto::ServerMetrics& metrics, std::int64_t cpus) {
    if (!metrics.loadAverage || metrics.loadAverage->empty() || cpus <= 0) return std::nullopt;
    return metrics.loadAverage->front() / static_cast<double>(cpus);
}

}  // namespace

Figure figureOf(AlertSource source, const proto::VmMetrics& metrics) {
    switch (source) {
        case AlertSource::vmCpu:
            return metrics.cpuUsagePercent;
        case AlertSource::vmMemory:
            return metrics.memoryUsagePercent;
        case AlertSource::vmCpuSteal:
            return metrics.cpuStealPercent;
        case AlertSource::vmDiskLatency:
            return slowest(metrics);
        case AlertSource::vmSwap:
            return sum(metrics.swapInBytesPerSecond, metrics.swapOutBytesPerSecond);
        default:
            return std::nullopt;
    }
}

Figure figureOf(AlertSource source, const proto::ServerMetrics& metrics, std::int64_t cpus) {
    switch (source) {
        case AlertSource::serverCpu:
            return metrics.cpuUsagePercent;
        case AlertSource::serverCpuSteal:
            return metrics.cpuStealPercent;
        case AlertSource::serverMemory:
            return metrics.memoryUsagePercent;
        case AlertSource::serverSwap:
            return metrics.swapUsagePercent;
        case AlertSource::serverLoad:
            return loadOfEach(metrics, cpus);
        case AlertSource::serverDisk:
            return metrics.diskUsagePercent;
        default:
            return std::nullopt;
    }
}

}  // namespace rollo::core
