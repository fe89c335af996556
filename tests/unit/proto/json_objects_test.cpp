// SPDX-License-Identifier: Apache-2.0
#include "proto/json_objects.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "proto/codec.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/wire.hpp"

using namespace rollo::proto;
using namespace rollo::tests;
using namespace std::chrono_literals;

namespace {

VmMetrics fullVmMetrics() {
    VmMetrics m;
    m.cpuUsagePercent = 12.5;
    m.memoryUsedMb = 100;
    m.memorySource = "guest";
    m.networkRxBytes = 9007199254740991;
    m.diskReadLatencyMs = 0.1234;
    m.disks = {{.name = "vda", .readBytes = 1, .writeIops = 2.5, .capacityBytes = 0}};
    m.networks = {{.name = "vnet0", .rxBytes = 3, .txDrops = 4}};
    m.vcpus = {{.number = 0, .state = "running", .usagePercent = 99.9, .stealPercent = {}},
               {.number = 1, .state = {}, .usagePercent = {}, .stealPercent = {}}};
    m.takenAt = at().mono;
    m.intervalMs = 5000;
    m.bootId = "boot";
    return m;
}

ServerMetrics fullServerMetrics() {
    ServerMetrics m;
    m.cpuUsagePercent = 50;
    m.memoryTotalGb = 31.25;
    m.loadAverage = {0.5, 1, 2};
    m.vcpusAllocated = 8;
    m.vmsRunning = 2;
    m.vmsTotal = 3;
    m.pressure = {{.cpu = {1.5, {}}, .memory = {0, 0}, .io = {}}};
    m.takenAt = at().mono;
    return m;
}

Message metricsMessage(const VmMetrics& metrics, std::chrono::milliseconds later = {}) {
    return Message(encode(Event(VmMetricsUpdate{vm(1), metrics}), 0, at(later)));
}

}  // namespace

TEST_CASE("a VM's figures keep their names and places") {
    const Message m = metricsMessage(fullVmMetrics());
    CHECK(m.number("data.metrics.cpu_usage_percent") == 12.5);
    CHECK(m.number("data.metrics.memory_used_mb") == 100);
    CHECK(m.text("data.metrics.memory_source") == "guest");
    CHECK(m.integer("data.metrics.network_rx_bytes") == 9007199254740991);
    CHECK(m.number("data.metrics.disk_read_latency_ms") == doctest::Approx(0.123));
    CHECK(m.text("data.metrics.disks[0].name") == "vda");
    CHECK(m.integer("data.metrics.disks[0].read_bytes") == 1);
    CHECK(m.number("data.metrics.disks[0].write_iops") == 2.5);
    CHECK(m.integer("data.metrics.disks[0].capacity_bytes") == 0);
    CHECK(m.integer("data.metrics.networks[0].rx_bytes") == 3);
    CHECK(m.integer("data.metrics.networks[0].tx_drops") == 4);
    CHECK(m.text("data.metrics.vcpus[0].state") == "running");
    CHECK(m.integer("data.metrics.vcpus[1].number") == 1);
    CHECK(m.isNull("data.metrics.vcpus[1].state"));
    CHECK(m.integer("data.metrics.interval_ms") == 5000);
    CHECK(m.text("data.metrics.boot_id") == "boot");
    CHECK_FALSE(m.flag("data.metrics.stale"));
}

TEST_CASE("every figure of a VM stands under its own name") {
    VmMetrics m;
    double next = 0;
    for (auto* figure : {&m.cpuUsagePercent,
                         &m.cpuHostPercent,
                         &m.cpuUserPercent,
                         &m.cpuSystemPercent,
                         &m.cpuStealPercent,
                         &m.memoryUsagePercent,
                         &m.memoryUsedMb,
                         &m.memoryTotalMb,
                         &m.memoryRssMb,
                         &m.swapInBytesPerSecond,
                         &m.swapOutBytesPerSecond,
                         &m.majorFaultsPerSecond,
                         &m.networkRxBytesPerSecond,
                         &m.networkTxBytesPerSecond,
                         &m.networkRxPacketsPerSecond,
                         &m.networkTxPacketsPerSecond,
                         &m.diskReadBytesPerSecond,
                         &m.diskWriteBytesPerSecond,
                         &m.diskReadIops,
                         &m.diskWriteIops,
                         &m.diskReadLatencyMs,
                         &m.diskWriteLatencyMs})
        *figure = ++next;
    std::uint64_t counted = 100;
    for (auto* counter :
         {&m.networkRxBytes, &m.networkTxBytes, &m.networkRxErrors, &m.networkTxErrors,
          &m.networkRxDrops, &m.networkTxDrops, &m.diskReadBytes, &m.diskWriteBytes})
        *counter = ++counted;
    const Message message = metricsMessage(m);
    next = 0;
    for (const auto* name : {"cpu_usage_percent",
                             "cpu_host_percent",
                             "cpu_user_percent",
                             "cpu_system_percent",
                             "cpu_steal_percent",
                             "memory_usage_percent",
                             "memory_used_mb",
                             "memory_total_mb",
                             "memory_rss_mb",
                             "swap_in_bytes_per_second",
                             "swap_out_bytes_per_second",
                             "major_faults_per_second",
                             "network_rx_bytes_per_second",
                             "network_tx_bytes_per_second",
                             "network_rx_packets_per_second",
                             "network_tx_packets_per_second",
                             "disk_read_bytes_per_second",
                             "disk_write_bytes_per_second",
                             "disk_read_iops",
                             "disk_write_iops",
                             "disk_read_latency_ms",
                             "disk_write_latency_ms"})
        CHECK(message.number(std::string("data.metrics.") + name) == ++next);
    counted = 100;
    for (const auto* name :
         {"network_rx_bytes", "network_tx_bytes", "network_rx_errors", "network_tx_errors",
          "network_rx_drops", "network_tx_drops", "disk_read_bytes", "disk_write_bytes"})
        CHECK(message.integer(std::string("data.metrics.") + name) ==
              static_cast<std::int64_t>(++counted));
}

TEST_CASE("every figure of a disk, a network and a vCPU stands under its own name") {
    DiskMetrics d{.name = "vda",
                  .readBytes = 1,
                  .writeBytes = 2,
                  .readBytesPerSecond = 3,
                  .writeBytesPerSecond = 4,
                  .readIops = 5,
                  .writeIops = 6,
                  .readLatencyMs = 7,
                  .writeLatencyMs = 8,
                  .capacityBytes = 9,
                  .allocationBytes = 10,
                  .physicalBytes = 11};
    NetworkMetrics n{.name = "vnet0",
                     .rxBytes = 1,
                     .txBytes = 2,
                     .rxBytesPerSecond = 3,
                     .txBytesPerSecond = 4,
                     .rxPacketsPerSecond = 5,
                     .txPacketsPerSecond = 6,
                     .rxErrors = 7,
                     .txErrors = 8,
                     .rxDrops = 9,
                     .txDrops = 10};
    VmMetrics m;
    m.disks = {d};
    m.networks = {n};
    m.vcpus = {{.number = 3, .state = "blocked", .usagePercent = 1, .stealPercent = 2}};
    const Message message = metricsMessage(m);
    const auto inOrder = [&](const std::string& device, std::vector<const char*> names) {
        double next = 0;
        for (const auto* name : names)
            CHECK(message.number("data.metrics." + device + "[0]." + name) == ++next);
    };
    inOrder("disks", {"read_bytes", "write_bytes", "read_bytes_per_second",
                      "write_bytes_per_second", "read_iops", "write_iops", "read_latency_ms",
                      "write_latency_ms", "capacity_bytes", "allocation_bytes", "physical_bytes"});
    inOrder("networks", {"rx_bytes", "tx_bytes", "rx_bytes_per_second", "tx_bytes_per_second",
                         "rx_packets_per_second", "tx_packets_per_second", "rx_errors", "tx_errors",
                         "rx_drops", "tx_drops"});
    inOrder("vcpus", {"usage_percent", "steal_percent"});
}

TEST_CASE("every figure of a server stands under its own name") {
    ServerMetrics s;
    double next = 0;
    for (auto* figure : {&s.cpuUsagePercent, &s.cpuIowaitPercent, &s.cpuStealPercent,
                         &s.memoryUsagePercent, &s.memoryUsedGb, &s.memoryTotalGb,
                         &s.diskUsagePercent, &s.diskUsedGb, &s.diskTotalGb, &s.memoryAllocatedGb})
        *figure = ++next;
    s.networkRxBytes = 11;
    s.networkTxBytes = 12;
    s.vcpusAllocated = 13;
    s.vmsRunning = 14;
    s.vmsTotal = 15;
    s.uptimeSeconds = 16;
    s.intervalMs = 17;
    s.swapUsagePercent = 18;
    s.swapUsedGb = 19;
    s.swapTotalGb = 20;
    s.diskReadBytesPerSecond = 21;
    s.diskWriteBytesPerSecond = 22;
    s.networkRxBytesPerSecond = 23;
    s.networkTxBytesPerSecond = 24;
    s.stale = true;
    s.pressure = {{.cpu = {1, 2}, .memory = {3, 4}, .io = {5, 6}}};
    const Message message(encode(Event(ServerMetricsUpdate{7, "host", s}), 0, at()));
    next = 0;
    for (const auto* name : {"cpu_usage_percent",
                             "cpu_iowait_percent",
                             "cpu_steal_percent",
                             "memory_usage_percent",
                             "memory_used_gb",
                             "memory_total_gb",
                             "disk_usage_percent",
                             "disk_used_gb",
                             "disk_total_gb",
                             "memory_allocated_gb",
                             "network_rx_bytes",
                             "network_tx_bytes",
                             "vcpus_allocated",
                             "vms_running",
                             "vms_total",
                             "uptime_seconds",
                             "interval_ms",
                             "swap_usage_percent",
                             "swap_used_gb",
                             "swap_total_gb",
                             "disk_read_bytes_per_second",
                             "disk_write_bytes_per_second",
                             "network_rx_bytes_per_second",
                             "network_tx_bytes_per_second"})
        CHECK(message.number(std::string("data.metrics.") + name) == ++next);
    CHECK(message.flag("data.metrics.stale"));
    next = 0;
    for (const auto* name :
         {"cpu.some", "cpu.full", "memory.some", "memory.full", "io.some", "io.full"})
        CHECK(message.number(std::string("data.metrics.pressure.") + name + "_avg10") == ++next);
}

TEST_CASE("what is not known is null, never 0, and never left out") {
    const Message m = metricsMessage({});
    for (const auto* name :
         {"cpu_usage_percent", "cpu_host_percent", "cpu_steal_percent", "memory_usage_percent",
          "memory_used_mb", "memory_rss_mb", "memory_source", "swap_in_bytes_per_second",
          "network_rx_bytes", "network_tx_bytes_per_second", "network_rx_drops", "disk_read_bytes",
          "disk_write_iops", "disk_read_latency_ms", "interval_ms", "boot_id"}) {
        CAPTURE(name);
        CHECK(m.isNull(std::string("data.metrics.") + name));
    }
    CHECK(m.size("data.metrics.disks") == 0);
}

TEST_CASE("the age of figures counts from their measurement to the message") {
    CHECK(metricsMessage(fullVmMetrics()).integer("data.metrics.age_ms") == 0);
    CHECK(metricsMessage(fullVmMetrics(), 1234ms).integer("data.metrics.age_ms") == 1234);
    CHECK(metricsMessage(fullVmMetrics(), -5ms).integer("data.metrics.age_ms") == 0);
}

TEST_CASE("a figure that is no number is null") {
    VmMetrics metrics;
    metrics.cpuUsagePercent = std::numeric_limits<double>::quiet_NaN();
    metrics.memoryUsedMb = std::numeric_limits<double>::infinity();
    const Message m = metricsMessage(metrics);
    CHECK(m.isNull("data.metrics.cpu_usage_percent"));
    CHECK(m.isNull("data.metrics.memory_used_mb"));
}

TEST_CASE("a server's figures keep their names and places") {
    const Message m(encode(Event(ServerMetricsUpdate{7, "host", fullServerMetrics()}), 0, at(2s)));
    CHECK(m.number("data.metrics.cpu_usage_percent") == 50);
    CHECK(m.number("data.metrics.memory_total_gb") == 31.25);
    CHECK(m.size("data.metrics.load_average") == 3);
    CHECK(m.number("data.metrics.load_average[2]") == 2);
    CHECK(m.integer("data.metrics.vms_running") == 2);
    CHECK(m.integer("data.metrics.vms_total") == 3);
    CHECK(m.number("data.metrics.pressure.cpu.some_avg10") == 1.5);
    CHECK(m.isNull("data.metrics.pressure.cpu.full_avg10"));
    CHECK(m.number("data.metrics.pressure.memory.full_avg10") == 0);
    CHECK(m.isNull("data.metrics.pools"));
    CHECK(m.isNull("data.metrics.uptime_seconds"));
    CHECK(m.integer("data.metrics.age_ms") == 2000);
}

TEST_CASE("a server's storage pools stand in its figures, each with its age") {
    ServerMetrics s;
    s.pools.emplace();
    s.pools->push_back({.name = "images",
                        .type = "dir",
                        .state = "running",
                        .autostart = true,
                        .usagePercent = 1,
                        .capacityGb = 2,
                        .allocationGb = 3,
                        .availableGb = 4,
                        .takenAt = at(500ms).mono,
                        .stale = true});
    s.pools->push_back({.name = "archive", .type = "logical", .state = "inactive"});
    const Message m(encode(Event(ServerMetricsUpdate{7, "host", s}), 0, at(2s)));
    REQUIRE(m.size("data.metrics.pools") == 2);
    CHECK(m.text("data.metrics.pools[0].name") == "images");
    CHECK(m.text("data.metrics.pools[0].type") == "dir");
    CHECK(m.text("data.metrics.pools[0].state") == "running");
    CHECK(m.flag("data.metrics.pools[0].autostart"));
    double next = 0;
    for (const auto* name : {"usage_percent", "capacity_gb", "allocation_gb", "available_gb"})
        CHECK(m.number(std::string("data.metrics.pools[0].") + name) == ++next);
    CHECK(m.integer("data.metrics.pools[0].age_ms") == 1500);
    CHECK(m.flag("data.metrics.pools[0].stale"));
    for (const auto* name : {"autostart", "usage_percent", "capacity_gb", "available_gb"})
        CHECK(m.isNull(std::string("data.metrics.pools[1].") + name));
    CHECK_FALSE(m.flag("data.metrics.pools[1].stale"));
}

TEST_CASE("a host without pressure figures says so") {
    const Message m(encode(Event(ServerMetricsUpdate{{}, "host", {}}), 0, at()));
    CHECK(m.isNull("data.metrics.pressure"));
    CHECK(m.isNull("data.metrics.load_average"));
    CHECK(m.isNull("data.server_id"));
}

TEST_CASE("a VM over HTTP has its metrics, or null before the first sample") {
    const VmInfo info = vmInfo(vm(5, "web"));
    const VmMetrics metrics = fullVmMetrics();
    const Document with(encodeVm({&info, &metrics}, at(1s)));
    CHECK(with.text("name") == "web");
    CHECK(with.integer("metrics.age_ms") == 1000);
    const Document without(encodeVm({&info, nullptr}, at()));
    CHECK(without.isNull("metrics"));
    CHECK(without.isNull("os"));
    CHECK(without.isNull("vcpus"));
    CHECK(without.flag("persistent"));
    CHECK_FALSE(without.flag("stale"));
}

TEST_CASE("a list of VMs over HTTP keeps its order, and may be empty") {
    const VmInfo one = vmInfo(vm(1));
    const VmInfo two = vmInfo(vm(2));
    const Document both(encodeVms({{&two, nullptr}, {&one, nullptr}}, at()));
    CHECK(both.size("vms") == 2);
    CHECK(both.integer("vms[0].id") == 2);
    CHECK(both.integer("vms[1].id") == 1);
    CHECK(Document(encodeVms({}, at())).size("vms") == 0);
}

TEST_CASE("a long list of VMs over HTTP is not cut") {
    const VmInfo info = vmInfo(vm(1, std::string(1000, 'n')));
    CHECK(Document(encodeVms(std::vector<VmState>(1000, {&info, nullptr}), at())).size("vms") ==
          1000);
}

TEST_CASE("a server over HTTP shows what it knows of libvirt") {
    ServerInfo info;
    info.hostname = "host";
    info.agentVersion = "1";
    info.libvirtUri = "qemu:///system";
    const Document unknown(encodeServer(info, nullptr, at()));
    CHECK(unknown.isNull("id"));
    CHECK(unknown.isNull("uuid"));
    CHECK(unknown.isNull("ip_address"));
    CHECK(unknown.isNull("libvirt.hypervisor"));
    CHECK(unknown.isNull("metrics"));
    CHECK(unknown.text("status") == "offline");
    CHECK_FALSE(unknown.flag("libvirt.connected"));
    info.id = 7;
    info.uuid = uuid(3);
    info.libvirtConnected = true;
    info.hypervisor = "QEMU";
    const ServerMetrics metrics = fullServerMetrics();
    const Document known(encodeServer(info, &metrics, at()));
    CHECK(known.integer("id") == 7);
    CHECK(known.text("uuid") == uuid(3).toString());
    CHECK(known.text("libvirt.uri") == "qemu:///system");
    CHECK(known.text("libvirt.hypervisor") == "QEMU");
    CHECK(known.integer("metrics.vms_total") == 3);
}
