// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "agent/core/rates.hpp"
#include "fakes/examples.hpp"

using namespace rollo;
using namespace rollo::core;
using namespace std::chrono_literals;
using doctest::Approx;
using tests::at;

namespace {

constexpr std::uint64_t mib = 1024;  ///< in KiB
constexpr std::uint64_t gib = std::uint64_t{1} << 30;

PoolSample pool(std::string name, std::uint64_t capacity, std::uint64_t allocation,
                std::optional<std::uint64_t> fileSystem = {}) {
    PoolSample sample;
    sample.name = std::move(name);
    sample.type = "dir";
    sample.state = "running";
    sample.capacityBytes = capacity;
    sample.allocationBytes = allocation;
    sample.availableBytes = capacity - allocation;
    sample.fileSystem = fileSystem;
    return sample;
}

PoolSample inactivePool(std::string name) {
    PoolSample sample;
    sample.name = std::move(name);
    sample.state = "inactive";
    return sample;
}

}  // namespace

TEST_CASE("the host's CPU is shared out between two samples") {
    HostSample from, to;
    from.takenAt = at().mono;
    to.takenAt = at(5s).mono;
    from.cpuUserNs = from.cpuKernelNs = from.cpuIdleNs = from.cpuIowaitNs = from.cpuStealNs = 1000;
    to.cpuUserNs = 1000 + 20;
    to.cpuKernelNs = 1000 + 10;
    to.cpuIdleNs = 1000 + 50;
    to.cpuIowaitNs = 1000 + 15;
    to.cpuStealNs = 1000 + 5;
    const auto m = serverMetrics(&from, to);
    CHECK(*m.cpuUsagePercent == Approx(30));
    CHECK(*m.cpuIowaitPercent == Approx(15));
    CHECK(*m.cpuStealPercent == Approx(5));
    CHECK(m.intervalMs == 5000);
}

TEST_CASE("one sample of the host tells nothing of its CPU") {
    HostSample sample;
    sample.cpuUserNs = sample.cpuKernelNs = sample.cpuIdleNs = 1;
    const auto m = serverMetrics(nullptr, sample);
    CHECK_FALSE(m.cpuUsagePercent);
    CHECK_FALSE(m.intervalMs);
}

TEST_CASE("the host's CPU is unknown where a counter is missing, went back or stands still") {
    HostSample from, to;
    from.cpuUserNs = from.cpuKernelNs = from.cpuIdleNs = 1000;
    to = from;
    CHECK_FALSE(serverMetrics(&from, to).cpuUsagePercent);
    to.cpuUserNs = 500;
    CHECK_FALSE(serverMetrics(&from, to).cpuUsagePercent);
    to.cpuUserNs.reset();
    CHECK_FALSE(serverMetrics(&from, to).cpuUsagePercent);
    to.cpuUserNs = 1100;
    CHECK(*serverMetrics(&from, to).cpuUsagePercent == Approx(100));
    CHECK_FALSE(serverMetrics(&from, to).cpuStealPercent);
}

TEST_CASE("the host's memory and storage come in gigabytes and percent") {
    HostSample sample;
    sample.memoryTotalKib = 32 * 1024 * mib;
    sample.memoryFreeKib = 1024 * mib;
    sample.pools.emplace();
    sample.diskTotalBytes = std::uint64_t{100} << 30;
    sample.diskUsedBytes = std::uint64_t{40} << 30;
    auto m = serverMetrics(nullptr, sample);
    CHECK(*m.memoryTotalGb == Approx(32));
    CHECK(*m.memoryUsedGb == Approx(31));
    CHECK(*m.diskUsedGb == Approx(40));
    CHECK(*m.diskUsagePercent == Approx(40));
    sample.memoryAvailableKib = 24 * 1024 * mib;
    m = serverMetrics(nullptr, sample);
    CHECK(*m.memoryUsedGb == Approx(8));
    CHECK(*m.memoryUsagePercent == Approx(25));
}

TEST_CASE("what the host does not tell is unknown, and what it tells passes") {
    const auto nothing = serverMetrics(nullptr, {});
    CHECK_FALSE(nothing.memoryTotalGb);
    CHECK_FALSE(nothing.memoryUsagePercent);
    CHECK_FALSE(nothing.diskUsagePercent);
    CHECK_FALSE(nothing.networkRxBytes);
    CHECK_FALSE(nothing.loadAverage);
    CHECK_FALSE(nothing.pressure);
    HostSample sample;
    sample.networkRxBytes = 1;
    sample.networkTxBytes = 2;
    sample.loadAverage = {1, 2, 3};
    sample.uptimeSeconds = 60;
    sample.pressure = {{.cpu = {1, 2}, .memory = {}, .io = {}}};
    const auto m = serverMetrics(nullptr, sample);
    CHECK(m.networkRxBytes == 1u);
    CHECK(m.networkTxBytes == 2u);
    CHECK(m.loadAverage->at(2) == 3);
    CHECK(m.uptimeSeconds == 60);
    CHECK(m.pressure->cpu.fullAvg10 == 2.0);
}

TEST_CASE("the host's traffic is what its counters grew by in the time between two samples") {
    HostSample from, to;
    from.takenAt = at().mono;
    to.takenAt = at(2s).mono;
    from.diskReadBytes = from.diskWriteBytes = from.networkRxBytes = from.networkTxBytes = 1000;
    to.diskReadBytes = 1200;
    to.diskWriteBytes = 1400;
    to.networkRxBytes = 1600;
    to.networkTxBytes = 500;
    const auto m = serverMetrics(&from, to);
    CHECK(*m.diskReadBytesPerSecond == Approx(100));
    CHECK(*m.diskWriteBytesPerSecond == Approx(200));
    CHECK(*m.networkRxBytesPerSecond == Approx(300));
    CHECK_FALSE(m.networkTxBytesPerSecond);
    CHECK_FALSE(serverMetrics(nullptr, to).diskReadBytesPerSecond);
}

TEST_CASE("swap is what is not free of it, and a host without any has no percentage") {
    HostSample sample;
    sample.swapTotalKib = 8 * 1024 * mib;
    sample.swapFreeKib = 6 * 1024 * mib;
    auto m = serverMetrics(nullptr, sample);
    CHECK(*m.swapTotalGb == Approx(8));
    CHECK(*m.swapUsedGb == Approx(2));
    CHECK(*m.swapUsagePercent == Approx(25));
    sample.swapTotalKib = sample.swapFreeKib = 0;
    m = serverMetrics(nullptr, sample);
    CHECK(m.swapTotalGb == 0.0);
    CHECK(m.swapUsedGb == 0.0);
    CHECK_FALSE(m.swapUsagePercent);
}

TEST_CASE("the active pools are the host's storage, each file system once") {
    HostSample sample;
    sample.diskTotalBytes = gib;
    sample.diskUsedBytes = gib;
    sample.pools = {pool("a", 100 * gib, 40 * gib, 5), pool("b", 100 * gib, 40 * gib, 5),
                    pool("c", 60 * gib, 24 * gib, 6), pool("lvm", 40 * gib, 36 * gib),
                    inactivePool("d")};
    const auto m = serverMetrics(nullptr, sample);
    CHECK(*m.diskTotalGb == Approx(200));
    CHECK(*m.diskUsedGb == Approx(100));
    CHECK(*m.diskUsagePercent == Approx(50));
    REQUIRE(m.pools->size() == 5);
    CHECK(*m.pools->at(0).usagePercent == Approx(40));
    CHECK(*m.pools->at(2).availableGb == Approx(36));
    CHECK(*m.pools->at(3).usagePercent == Approx(90));
    CHECK_FALSE(m.pools->at(4).usagePercent);
    CHECK(m.pools->at(4).state == "inactive");
}

TEST_CASE("pools that were not read yet leave the host's storage unknown, and none is not that") {
    HostSample sample;
    sample.diskTotalBytes = 100 * gib;
    sample.diskUsedBytes = 40 * gib;
    CHECK_FALSE(serverMetrics(nullptr, sample).pools);
    CHECK_FALSE(serverMetrics(nullptr, sample).diskTotalGb);
    sample.pools.emplace();
    CHECK(serverMetrics(nullptr, sample).pools->empty());
    CHECK(*serverMetrics(nullptr, sample).diskTotalGb == Approx(100));
    sample.pools->push_back(inactivePool("d"));
    CHECK(*serverMetrics(nullptr, sample).diskUsagePercent == Approx(40));
}

TEST_CASE("a pool keeps the time of its own figures") {
    HostSample sample;
    sample.takenAt = at(10s).mono;
    sample.pools = {pool("a", gib, 0)};
    sample.pools->front().takenAt = at(3s).mono;
    sample.pools->front().stale = true;
    sample.pools->front().autostart = true;
    const auto m = serverMetrics(nullptr, sample);
    CHECK(m.pools->front().takenAt == at(3s).mono);
    CHECK(m.pools->front().stale);
    CHECK(m.pools->front().autostart == true);
    CHECK(*m.pools->front().usagePercent == 0);
}
