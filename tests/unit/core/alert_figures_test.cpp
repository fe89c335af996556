// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alert_figures.hpp"

#include <doctest/doctest.h>

using namespace rollo::core;
using rollo::proto::ServerMetrics;
using rollo::proto::VmMetrics;
using enum rollo::core::AlertSource;

TEST_CASE("a VM's figures") {
    VmMetrics metrics;
    for (const auto source : {vmCpu, vmMemory, vmCpuSteal, vmDiskLatency, vmSwap})
        CHECK_FALSE(figureOf(source, metrics));
    metrics.cpuUsagePercent = 1;
    metrics.memoryUsagePercent = 2;
    metrics.cpuStealPercent = 3;
    CHECK(figureOf(vmCpu, metrics) == 1);
    CHECK(figureOf(vmMemory, metrics) == 2);
    CHECK(figureOf(vmCpuSteal, metrics) == 3);
    metrics.swapInBytesPerSecond = 4;
    CHECK(figureOf(vmSwap, metrics) == 4);
    metrics.swapOutBytesPerSecond = 5;
    CHECK(figureOf(vmSwap, metrics) == 9);
}

TEST_CASE("a VM's disks are as slow as the slower of reading and writing") {
    VmMetrics metrics;
    metrics.diskReadLatencyMs = 10;
    CHECK(figureOf(vmDiskLatency, metrics) == 10);
    metrics.diskWriteLatencyMs = 20;
    CHECK(figureOf(vmDiskLatency, metrics) == 20);
    metrics.diskReadLatencyMs = 30;
    CHECK(figureOf(vmDiskLatency, metrics) == 30);
}

TEST_CASE("disks of which nothing is asked are not slow") {
    VmMetrics metrics;
    metrics.diskReadIops = 0;
    metrics.diskWriteIops = 0;
    CHECK(figureOf(vmDiskLatency, metrics) == 0);
    metrics.diskWriteLatencyMs = 20;
    CHECK(figureOf(vmDiskLatency, metrics) == 20);
}

TEST_CASE("the server's figures") {
    ServerMetrics metrics;
    for (const auto source :
         {serverCpu, serverCpuSteal, serverMemory, serverSwap, serverLoad, serverDisk})
        CHECK_FALSE(figureOf(source, metrics, 4));
    metrics.cpuUsagePercent = 1;
    metrics.cpuStealPercent = 2;
    metrics.memoryUsagePercent = 3;
    metrics.swapUsagePercent = 4;
    metrics.diskUsagePercent = 5;
    metrics.loadAverage = {6, 100, 200};
    CHECK(figureOf(serverCpu, metrics, 4) == 1);
    CHECK(figureOf(serverCpuSteal, metrics, 4) == 2);
    CHECK(figureOf(serverMemory, metrics, 4) == 3);
    CHECK(figureOf(serverSwap, metrics, 4) == 4);
    CHECK(figureOf(serverDisk, metrics, 4) == 5);
    CHECK(figureOf(serverLoad, metrics, 4) == 1.5);
    CHECK_FALSE(figureOf(serverLoad, metrics, 0));
}
