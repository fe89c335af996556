// SPDX-License-Identifier: Apache-2.0
/// PROTOCOL.md, "Metrics".
#include "agent/core/rates.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/examples.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using doctest::Approx;
using rollo::proto::Counter;

namespace {

constexpr std::uint64_t second = 1'000'000'000;  // in nanoseconds
constexpr std::uint64_t mib = 1024;              // in KiB
constexpr std::int64_t hostCpus = 8;

VcpuCounters vcpu(std::int64_t number, Counter timeNs, Counter delayNs = {}) {
    return {.number = number, .state = "running", .timeNs = timeNs, .delayNs = delayNs};
}

DomainSample sampleAt(std::chrono::milliseconds when) {
    DomainSample sample;
    sample.uuid = uuid(1);
    sample.domainId = 5;
    sample.takenAt = at(when).mono;
    sample.cpuTimeNs = 0;
    sample.vcpus = {vcpu(0, 0), vcpu(1, 0)};
    return sample;
}

rollo::proto::VmMetrics figures(const DomainSample& from, const DomainSample& to) {
    return vmMetrics(&from, to, hostCpus, at(5s).wall);
}

DiskCounters disk(std::string name, std::uint64_t requests, std::uint64_t bytes,
                  std::uint64_t timeNs) {
    return {.name = std::move(name),
            .readRequests = requests,
            .readBytes = bytes,
            .readTimeNs = timeNs,
            .writeRequests = 2 * requests,
            .writeBytes = 2 * bytes,
            .writeTimeNs = 2 * timeNs};
}

NetworkCounters network(std::string name, std::uint64_t bytes) {
    return {.name = std::move(name),
            .rxBytes = bytes,
            .rxPackets = bytes / 100,
            .rxErrors = 1,
            .rxDrops = 2,
            .txBytes = 3 * bytes,
            .txPackets = bytes / 50,
            .txErrors = 3,
            .txDrops = 4};
}

}  // namespace

// --- two samples, one sample ---------------------------------------------------------------------

TEST_CASE("one sample makes no rate, but the totals are known") {
    auto sample = sampleAt(0s);
    sample.cpuTimeNs = 100 * second;
    sample.disks = {disk("vda", 10, 1000, 5)};
    sample.networks = {network("vnet0", 500)};
    const auto m = vmMetrics(nullptr, sample, hostCpus, at().wall);
    CHECK_FALSE(m.cpuUsagePercent);
    CHECK_FALSE(m.cpuHostPercent);
    CHECK_FALSE(m.intervalMs);
    CHECK_FALSE(m.diskReadBytesPerSecond);
    CHECK_FALSE(m.diskReadIops);
    CHECK_FALSE(m.diskReadLatencyMs);
    CHECK_FALSE(m.networkRxBytesPerSecond);
    CHECK_FALSE(m.disks[0].readIops);
    CHECK_FALSE(m.networks[0].rxPacketsPerSecond);
    CHECK_FALSE(m.vcpus[0].usagePercent);
    CHECK(m.diskReadBytes == 1000u);
    CHECK(m.networkTxBytes == 1500u);
    CHECK(m.takenAt == sample.takenAt);
}

TEST_CASE("two samples make rates over the time between them") {
    auto from = sampleAt(0s);
    auto to = sampleAt(2500ms);
    from.cpuTimeNs = 10 * second;
    to.cpuTimeNs = 12 * second + second / 2;
    from.networks = {network("vnet0", 1000)};
    to.networks = {network("vnet0", 6000)};
    const auto m = figures(from, to);
    CHECK(m.intervalMs == 2500);
    CHECK(*m.cpuUsagePercent == Approx(50));
    CHECK(*m.cpuHostPercent == Approx(12.5));
    CHECK(*m.networkRxBytesPerSecond == Approx(2000));
    CHECK(*m.networkTxBytesPerSecond == Approx(6000));
    CHECK(*m.networkRxPacketsPerSecond == Approx(20));
    CHECK(*m.networkTxPacketsPerSecond == Approx(40));
}

TEST_CASE("a sample of another QEMU process starts anew") {
    auto from = sampleAt(0s);
    auto to = sampleAt(5s);
    to.domainId = 6;
    to.cpuTimeNs = 10 * second;
    to.networks = {network("vnet0", 100)};
    from.networks = {network("vnet0", 50)};
    const auto m = figures(from, to);
    CHECK_FALSE(m.cpuUsagePercent);
    CHECK_FALSE(m.networkRxBytesPerSecond);
    CHECK_FALSE(m.intervalMs);
    CHECK(m.networkRxBytes == 100u);
}

TEST_CASE("CPU time that went backwards starts everything anew") {
    auto from = sampleAt(0s);
    auto to = sampleAt(5s);
    from.cpuTimeNs = 10 * second;
    to.cpuTimeNs = 9 * second;
    from.networks = to.networks = {network("vnet0", 50)};
    const auto m = figures(from, to);
    CHECK_FALSE(m.cpuUsagePercent);
    CHECK_FALSE(m.networkRxBytesPerSecond);
    CHECK_FALSE(m.intervalMs);
}

TEST_CASE("two samples of one moment make no rate") {
    auto from = sampleAt(5s);
    auto to = sampleAt(5s);
    to.cpuTimeNs = second;
    from.networks = to.networks = {network("vnet0", 50)};
    const auto m = figures(from, to);
    CHECK_FALSE(m.cpuUsagePercent);
    CHECK_FALSE(m.networkRxBytesPerSecond);
}

// --- CPU -----------------------------------------------------------------------------------------

TEST_CASE("the use of the CPU is of the VM's own vCPUs and may exceed 100") {
    auto from = sampleAt(0s);
    auto to = sampleAt(1s);
    to.cpuTimeNs = 3 * second;
    to.cpuUserNs = second;
    from.cpuUserNs = 0;
    from.cpuSystemNs = 0;
    to.cpuSystemNs = second / 2;
    const auto m = figures(from, to);
    CHECK(*m.cpuUsagePercent == Approx(150));
    CHECK(*m.cpuUserPercent == Approx(50));
    CHECK(*m.cpuSystemPercent == Approx(25));
}

TEST_CASE("an idle guest uses 0 percent, which is not unknown") {
    const auto m = figures(sampleAt(0s), sampleAt(5s));
    CHECK(m.cpuUsagePercent == 0.0);
    CHECK(m.vcpus[0].usagePercent == 0.0);
}

TEST_CASE("without its vCPUs or the host's CPUs there is no share of them") {
    auto from = sampleAt(0s);
    auto to = sampleAt(1s);
    to.cpuTimeNs = second;
    to.vcpus.clear();
    CHECK_FALSE(figures(from, to).cpuUsagePercent);
    CHECK(figures(from, to).cpuHostPercent);
    CHECK_FALSE(vmMetrics(&from, to, 0, at().wall).cpuHostPercent);
}

TEST_CASE("a CPU figure that is missing on either side is unknown") {
    auto from = sampleAt(0s);
    auto to = sampleAt(1s);
    from.cpuTimeNs.reset();
    to.cpuTimeNs = second;
    CHECK_FALSE(figures(from, to).cpuUsagePercent);
    CHECK_FALSE(figures(to, sampleAt(2s)).cpuUserPercent);
}

TEST_CASE("steal is what ready vCPUs waited, on average") {
    auto from = sampleAt(0s);
    auto to = sampleAt(2s);
    from.vcpus = {vcpu(0, 0, 0), vcpu(1, 0, 0)};
    to.vcpus = {vcpu(0, second, second), vcpu(1, 2 * second, 0)};
    const auto m = figures(from, to);
    CHECK(*m.cpuStealPercent == Approx(25));
    CHECK(*m.vcpus[0].stealPercent == Approx(50));
    CHECK(*m.vcpus[0].usagePercent == Approx(50));
    CHECK(*m.vcpus[1].usagePercent == Approx(100));
    CHECK(m.vcpus[1].state == "running");
}

TEST_CASE("a vCPU that was plugged in since has no rate yet") {
    auto from = sampleAt(0s);
    auto to = sampleAt(1s);
    to.vcpus.push_back(vcpu(7, second, second));
    const auto m = figures(from, to);
    REQUIRE(m.vcpus.size() == 3);
    CHECK(m.vcpus[2].number == 7);
    CHECK_FALSE(m.vcpus[2].usagePercent);
    CHECK_FALSE(m.vcpus[2].stealPercent);
    CHECK(m.vcpus[0].usagePercent);
}

// --- disks and networks --------------------------------------------------------------------------

TEST_CASE("disks have rates and latencies, each and together") {
    auto from = sampleAt(0s);
    auto to = sampleAt(2s);
    from.disks = {disk("vda", 100, 1000, second), disk("vdb", 0, 0, 0)};
    to.disks = {disk("vda", 110, 5000, second + 20'000'000), disk("vdb", 10, 4000, 60'000'000)};
    const auto m = figures(from, to);
    REQUIRE(m.disks.size() == 2);
    CHECK(*m.disks[0].readBytesPerSecond == Approx(2000));
    CHECK(*m.disks[0].readIops == Approx(5));
    CHECK(*m.disks[0].readLatencyMs == Approx(2));
    CHECK(*m.disks[0].writeIops == Approx(10));
    CHECK(*m.disks[1].readLatencyMs == Approx(6));
    CHECK(m.diskReadBytes == 9000u);
    CHECK(m.diskWriteBytes == 18000u);
    CHECK(*m.diskReadBytesPerSecond == Approx(4000));
    CHECK(*m.diskWriteBytesPerSecond == Approx(8000));
    CHECK(*m.diskReadIops == Approx(10));
    CHECK(*m.diskReadLatencyMs == Approx(4));
    CHECK(*m.diskWriteLatencyMs == Approx(4));
}

TEST_CASE("without a request there is no latency, but a rate of 0") {
    auto from = sampleAt(0s);
    auto to = sampleAt(1s);
    from.disks = to.disks = {disk("vda", 100, 1000, second)};
    const auto m = figures(from, to);
    CHECK_FALSE(m.diskReadLatencyMs);
    CHECK_FALSE(m.disks[0].writeLatencyMs);
    CHECK(m.diskReadIops == 0.0);
    CHECK(m.disks[0].readBytesPerSecond == 0.0);
}

TEST_CASE("a disk that was plugged in since has no rate yet, and the others' sum stays") {
    auto from = sampleAt(0s);
    auto to = sampleAt(1s);
    from.disks = {disk("vda", 0, 0, 0)};
    to.disks = {disk("vda", 1, 100, 10), disk("vdb", 1000, 1000000, 10)};
    const auto m = figures(from, to);
    CHECK(*m.diskReadBytesPerSecond == Approx(100));
    CHECK_FALSE(m.disks[1].readBytesPerSecond);
    CHECK(m.disks[1].readBytes == 1000000u);
    CHECK(m.diskReadBytes == 1000100u);
}

TEST_CASE("devices are matched by name, not by place") {
    auto from = sampleAt(0s);
    auto to = sampleAt(1s);
    from.disks = {disk("vda", 0, 0, 0), disk("vdb", 0, 500, 0)};
    to.disks = {disk("vdb", 0, 700, 0)};
    from.networks = {network("vnet0", 0), network("vnet1", 1000)};
    to.networks = {network("vnet1", 1100)};
    const auto m = figures(from, to);
    CHECK(*m.disks[0].readBytesPerSecond == Approx(200));
    CHECK(*m.networkRxBytesPerSecond == Approx(100));
}

TEST_CASE("one counter that went backwards has no rate, and the others do") {
    auto from = sampleAt(0s);
    auto to = sampleAt(1s);
    from.networks = {network("vnet0", 5000), network("vnet1", 0)};
    to.networks = {network("vnet0", 100), network("vnet1", 100)};
    const auto m = figures(from, to);
    CHECK_FALSE(m.networks[0].rxBytesPerSecond);
    CHECK(*m.networks[1].rxBytesPerSecond == Approx(100));
    CHECK(m.networkRxBytes == 200u);
}

TEST_CASE("errors and drops are summed") {
    auto sample = sampleAt(0s);
    sample.networks = {network("vnet0", 0), network("vnet1", 0)};
    const auto m = vmMetrics(nullptr, sample, hostCpus, at().wall);
    CHECK(m.networkRxErrors == 2u);
    CHECK(m.networkRxDrops == 4u);
    CHECK(m.networkTxErrors == 6u);
    CHECK(m.networkTxDrops == 8u);
}

TEST_CASE("a VM without a device has read 0 bytes; one whose device tells nothing is unknown") {
    auto from = sampleAt(0s);
    auto to = sampleAt(1s);
    CHECK(figures(from, to).networkRxBytes == 0u);
    CHECK(figures(from, to).diskReadBytesPerSecond == 0.0);
    to.networks = {NetworkCounters{.name = "vnet0"}};
    to.disks = {DiskCounters{.name = "vda"}};
    CHECK_FALSE(figures(from, to).networkRxBytes);
    CHECK_FALSE(figures(from, to).networkRxErrors);
    CHECK_FALSE(figures(from, to).diskReadBytes);
    CHECK_FALSE(figures(from, to).diskReadIops);
}

TEST_CASE("sizes of a disk pass as they are") {
    auto sample = sampleAt(0s);
    sample.disks = {DiskCounters{.name = "vda", .capacity = 3, .allocation = 0, .physical = {}}};
    const auto m = vmMetrics(nullptr, sample, hostCpus, at().wall);
    CHECK(m.disks[0].capacityBytes == 3u);
    CHECK(m.disks[0].allocationBytes == 0u);
    CHECK_FALSE(m.disks[0].physicalBytes);
}

// --- memory --------------------------------------------------------------------------------------

TEST_CASE("memory is the guest's own figure where it reports") {
    auto sample = sampleAt(0s);
    sample.balloonCurrentKib = 1024 * mib;
    sample.balloonRssKib = 300 * mib;
    sample.balloonAvailableKib = 1000 * mib;
    sample.balloonUnusedKib = 100 * mib;
    sample.balloonUsableKib = 750 * mib;
    sample.balloonLastUpdate = 1767225600 - 10;
    const auto m = vmMetrics(nullptr, sample, hostCpus, at().wall);
    CHECK(m.memorySource == "guest");
    CHECK(*m.memoryTotalMb == Approx(1000));
    CHECK(*m.memoryUsedMb == Approx(250));
    CHECK(*m.memoryUsagePercent == Approx(25));
    CHECK(*m.memoryRssMb == Approx(300));
}

TEST_CASE("an old guest driver tells what is unused, if not what is usable") {
    auto sample = sampleAt(0s);
    sample.balloonAvailableKib = 1000 * mib;
    sample.balloonUnusedKib = 100 * mib;
    sample.balloonLastUpdate = 1767225600;
    const auto m = vmMetrics(nullptr, sample, hostCpus, at().wall);
    CHECK(m.memorySource == "guest");
    CHECK(*m.memoryUsedMb == Approx(900));
}

TEST_CASE("what the guest reported long ago, or never, is not its use now") {
    auto sample = sampleAt(0s);
    sample.balloonCurrentKib = 1024 * mib;
    sample.balloonRssKib = 300 * mib;
    sample.balloonAvailableKib = 1000 * mib;
    sample.balloonUsableKib = 750 * mib;
    for (const Counter update : {Counter{}, Counter{0}, Counter{1767225600 - 61}}) {
        sample.balloonLastUpdate = update;
        const auto m = vmMetrics(nullptr, sample, hostCpus, at().wall);
        CHECK(m.memorySource == "rss");
        CHECK(*m.memoryUsedMb == Approx(300));
        CHECK(*m.memoryTotalMb == Approx(1024));
        CHECK_FALSE(m.memoryUsagePercent);
    }
}

TEST_CASE("without guest and process the size of the balloon is all that is known") {
    auto sample = sampleAt(0s);
    sample.balloonCurrentKib = 512 * mib;
    const auto m = vmMetrics(nullptr, sample, hostCpus, at().wall);
    CHECK(m.memorySource == "balloon");
    CHECK(*m.memoryTotalMb == Approx(512));
    CHECK_FALSE(m.memoryUsedMb);
    CHECK_FALSE(m.memoryUsagePercent);
}

TEST_CASE("without any figure nothing is said of memory") {
    const auto m = vmMetrics(nullptr, sampleAt(0s), hostCpus, at().wall);
    CHECK_FALSE(m.memorySource);
    CHECK_FALSE(m.memoryTotalMb);
}

TEST_CASE("swapping and faults are rates of the guest's report") {
    auto from = sampleAt(0s);
    auto to = sampleAt(2s);
    for (auto* sample : {&from, &to}) {
        sample->balloonAvailableKib = 1000 * mib;
        sample->balloonUsableKib = 750 * mib;
        sample->balloonLastUpdate = 1767225600;
        sample->swapInKib = sample->swapOutKib = sample->majorFaults = 100;
    }
    to.swapInKib = 104;
    to.majorFaults = 110;
    const auto m = figures(from, to);
    CHECK(*m.swapInBytesPerSecond == Approx(2048));
    CHECK(m.swapOutBytesPerSecond == 0.0);
    CHECK(*m.majorFaultsPerSecond == Approx(5));
    CHECK_FALSE(vmMetrics(nullptr, to, hostCpus, at().wall).swapInBytesPerSecond);
}

TEST_CASE("more usable than available memory is nothing that a figure is made of") {
    auto sample = sampleAt(0s);
    sample.balloonAvailableKib = 100 * mib;
    sample.balloonUsableKib = 200 * mib;
    sample.balloonLastUpdate = 1767225600;
    const auto m = vmMetrics(nullptr, sample, hostCpus, at().wall);
    CHECK_FALSE(m.memoryUsedMb);
    CHECK_FALSE(m.memoryUsagePercent);
}
