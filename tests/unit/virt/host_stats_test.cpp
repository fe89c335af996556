// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/host_stats.hpp"

#include <doctest/doctest.h>

#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::virt;
using rollo::tests::TemporaryFolder;

namespace {

constexpr auto devicesText =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
    "    lo: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0\n"
    "  eth0:  500 5 0 0 0 0 0 0   70 7 0 0 0 0 0 0\n"
    "   br0:  490 5 0 0 0 0 0 0   69 7 0 0 0 0 0 0\n"
    " vnet0:    3 1 0 0 0 0 0 0    4 1 0 0 0 0 0 0\n"
    "  tap7:    5 1 0 0 0 0 0 0    6 1 0 0 0 0 0 0\n";

core::HostSample read(const TemporaryFolder& root) {
    core::HostSample sample;
    HostFiles(root.path()).read(sample);
    return sample;
}

void writeNetwork(const TemporaryFolder& root) {
    root.write("proc/net/dev", devicesText);
    for (const char* name : {"lo", "eth0", "br0", "vnet0", "tap7"})
        root.write("sys/class/net/" + std::string(name) + "/mtu", "1500");
    root.write("sys/class/net/br0/bridge/hello_time", "200");
    root.write("sys/class/net/tap7/tun_flags", "0x1002");
}

}  // namespace

TEST_CASE("the kernel's figures are read") {
    const TemporaryFolder root;
    root.write("proc/loadavg", "0.52 1.58 2.59 1/467 12345\n");
    root.write("proc/uptime", "1234.56 2000.00\n");
    root.write("proc/stat", "cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 1 1 1 1 1 1 1 1 1\n");
    root.write("proc/meminfo",
               "MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable:   64 kB\n"
               "SwapTotal: 32 kB\nSwapFree:        8 kB\n");
    root.write("proc/pressure/cpu", "some avg10=1.50 avg60=0.00 avg300=0.00 total=1\n");
    root.write("proc/pressure/memory",
               "some avg10=0.10 avg60=0.00 avg300=0.00 total=1\n"
               "full avg10=0.05 avg60=0.00 avg300=0.00 total=1\n");
    const auto sample = read(root);
    REQUIRE(sample.loadAverage);
    CHECK(*sample.loadAverage == std::vector<double>{0.52, 1.58, 2.59});
    CHECK(sample.uptimeSeconds == 1234);
    CHECK(sample.cpuStealNs == 800'000'000);
    CHECK(sample.memoryAvailableKib == 64);
    CHECK(sample.swapTotalKib == 32);
    CHECK(sample.swapFreeKib == 8);
    REQUIRE(sample.pressure);
    CHECK(sample.pressure->cpu.someAvg10 == 1.5);
    CHECK_FALSE(sample.pressure->cpu.fullAvg10);
    CHECK(sample.pressure->memory.fullAvg10 == 0.05);
    CHECK_FALSE(sample.pressure->io.someAvg10);
}

TEST_CASE("a kernel that tells nothing leaves everything empty") {
    const TemporaryFolder root;
    const auto sample = read(root);
    CHECK_FALSE(sample.loadAverage);
    CHECK_FALSE(sample.uptimeSeconds);
    CHECK_FALSE(sample.cpuStealNs);
    CHECK_FALSE(sample.memoryAvailableKib);
    CHECK_FALSE(sample.pressure);
    CHECK_FALSE(sample.networkRxBytes);
    CHECK_FALSE(sample.diskReadBytes);
}

TEST_CASE("files that say something else do no harm") {
    const TemporaryFolder root;
    for (const char* name :
         {"loadavg", "uptime", "stat", "meminfo", "pressure/cpu", "net/dev", "diskstats"})
        root.write("proc/" + std::string(name), "MemAvailable: : some avg10= x\n:\n");
    const auto sample = read(root);
    CHECK_FALSE(sample.loadAverage);
    CHECK_FALSE(sample.memoryAvailableKib);
    CHECK_FALSE(sample.networkRxBytes);
}

TEST_CASE("traffic is counted once, at the hardware") {
    const TemporaryFolder root;
    writeNetwork(root);
    root.write("sys/class/net/eth0/device/vendor", "0x1af4");
    const auto sample = read(root);
    CHECK(sample.networkRxBytes == 500);
    CHECK(sample.networkTxBytes == 70);
}

TEST_CASE("without hardware, what is neither loopback, bridge nor a guest's counts") {
    const TemporaryFolder root;
    writeNetwork(root);
    const auto sample = read(root);
    CHECK(sample.networkRxBytes == 500);
    CHECK(sample.networkTxBytes == 70);
}

TEST_CASE("what is read and written is counted once, at the disks of the machine") {
    const TemporaryFolder root;
    root.write("proc/diskstats",
               "   8       0 sda 10 1 100 5 20 2 200 7 0 9 12\n"
               "   8       1 sda1 10 1 100 5 20 2 200 7 0 9 12\n"
               " 253       0 dm-0 10 1 100 5 20 2 200 7 0 9 12\n"
               " 104       0 cciss/c0d0 10 1 7 5 20 2 8 7 0 9 12\n"
               " 259       0 nvme0n1 short\n");
    for (const char* name : {"sda", "cciss!c0d0", "nvme0n1"})
        root.write("sys/block/" + std::string(name) + "/device/model", "X");
    root.write("sys/block/dm-0/dm/name", "vg-lv");
    const auto sample = read(root);
    CHECK(sample.diskReadBytes == 107 * 512);
    CHECK(sample.diskWriteBytes == 208 * 512);
}
