// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/domain_stats.hpp"

#include <doctest/doctest.h>

#include <string>

#include "params.hpp"

using namespace rollo;
using namespace rollo::virt;

TEST_CASE("a record becomes a sample, device by device") {
    Params params;
    params.number("state.state", 1)
        .count("cpu.time", 500)
        .count("cpu.user", 210)
        .count("cpu.system", 290)
        .count("balloon.current", 16384)
        .count("balloon.maximum", 32768)
        .count("balloon.rss", 43424)
        .count("balloon.last-update", 7)
        .count("balloon.swap_in", 1)
        .count("balloon.swap_out", 2)
        .count("balloon.major_fault", 3)
        .count("balloon.available", 4)
        .count("balloon.unused", 5)
        .count("balloon.usable", 6)
        .count("vcpu.current", 2)
        .number("vcpu.0.state", 1)
        .count("vcpu.0.time", 90)
        .count("vcpu.0.delay", 57)
        .number("vcpu.2.state", 0)
        .count("vcpu.2.time", 91)
        .count("net.count", 1)
        .text("net.0.name", "vnet3")
        .count("net.0.rx.bytes", 10)
        .count("net.0.rx.pkts", 11)
        .count("net.0.rx.errs", 12)
        .count("net.0.rx.drop", 13)
        .count("net.0.tx.bytes", 14)
        .count("net.0.tx.pkts", 15)
        .count("net.0.tx.errs", 16)
        .count("net.0.tx.drop", 17)
        .count("block.count", 2)
        .text("block.0.name", "vda")
        .count("block.0.rd.reqs", 20)
        .count("block.0.rd.bytes", 21)
        .count("block.0.rd.times", 22)
        .count("block.0.wr.reqs", 23)
        .count("block.0.wr.bytes", 24)
        .count("block.0.wr.times", 25)
        .count("block.0.allocation", 26)
        .count("block.0.capacity", 27)
        .count("block.0.physical", 28)
        .text("block.1.name", "vdb");

    const auto sample = sampleOf(params.list());
    CHECK(sample.cpuTimeNs == 500);
    CHECK(sample.cpuUserNs == 210);
    CHECK(sample.cpuSystemNs == 290);
    CHECK(sample.balloonCurrentKib == 16384);
    CHECK(sample.balloonMaximumKib == 32768);
    CHECK(sample.balloonRssKib == 43424);
    CHECK(sample.balloonLastUpdate == 7);
    CHECK(sample.swapInKib == 1);
    CHECK(sample.swapOutKib == 2);
    CHECK(sample.majorFaults == 3);
    CHECK(sample.balloonAvailableKib == 4);
    CHECK(sample.balloonUnusedKib == 5);
    CHECK(sample.balloonUsableKib == 6);

    REQUIRE(sample.vcpus.size() == 2);
    CHECK(sample.vcpus[0].number == 0);
    CHECK(sample.vcpus[0].state == "running");
    CHECK(sample.vcpus[0].timeNs == 90);
    CHECK(sample.vcpus[0].delayNs == 57);
    CHECK(sample.vcpus[1].number == 2);
    CHECK(sample.vcpus[1].state == "offline");
    CHECK_FALSE(sample.vcpus[1].delayNs);

    REQUIRE(sample.networks.size() == 1);
    const auto& net = sample.networks[0];
    CHECK(net.name == "vnet3");
    CHECK(net.rxBytes == 10);
    CHECK(net.rxPackets == 11);
    CHECK(net.rxErrors == 12);
    CHECK(net.rxDrops == 13);
    CHECK(net.txBytes == 14);
    CHECK(net.txPackets == 15);
    CHECK(net.txErrors == 16);
    CHECK(net.txDrops == 17);

    REQUIRE(sample.disks.size() == 2);
    const auto& disk = sample.disks[0];
    CHECK(disk.name == "vda");
    CHECK(disk.readRequests == 20);
    CHECK(disk.readBytes == 21);
    CHECK(disk.readTimeNs == 22);
    CHECK(disk.writeRequests == 23);
    CHECK(disk.writeBytes == 24);
    CHECK(disk.writeTimeNs == 25);
    CHECK(disk.allocation == 26);
    CHECK(disk.capacity == 27);
    CHECK(disk.physical == 28);
    CHECK(sample.disks[1].name == "vdb");
    CHECK_FALSE(sample.disks[1].readBytes);
}

TEST_CASE("what libvirt did not give stays empty, never 0") {
    const auto sample = sampleOf({});
    CHECK_FALSE(sample.cpuTimeNs);
    CHECK_FALSE(sample.balloonRssKib);
    CHECK(sample.disks.empty());
}

TEST_CASE("figures of another kind, negative ones, and strange names are passed over") {
    Params params;
    params.number("cpu.time", -1)
        .text("cpu.user", "many")
        .fraction("cpu.system", 0.5)
        .count("block..name", 1)
        .count("block.x.rd.bytes", 1)
        .count("block.-1.rd.bytes", 1)
        .count("block.99999999.rd.bytes", 1)
        .count("block.18446744073709551616.rd.bytes", 1)
        .count("net.0", 1)
        .count("vcpu.", 1)
        .number("block.0.name", 3);
    const auto sample = sampleOf(params.list());
    CHECK_FALSE(sample.cpuTimeNs);
    CHECK_FALSE(sample.cpuUserNs);
    CHECK_FALSE(sample.cpuSystemNs);
    REQUIRE(sample.disks.size() == 1);
    CHECK(sample.disks[0].name.empty());
    CHECK(sample.networks.empty());
    CHECK(sample.vcpus.empty());
}

TEST_CASE("figures without the monitor's part are told apart") {
    Params partial;
    partial.count("cpu.time", 1).count("balloon.current", 2);
    CHECK_FALSE(monitorAnswered(partial.list()));
    partial.count("balloon.rss", 3);
    CHECK(monitorAnswered(partial.list()));
}
