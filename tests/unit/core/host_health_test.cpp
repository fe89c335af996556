// SPDX-License-Identifier: Apache-2.0
/// The status of the server while libvirt is there.
#include <doctest/doctest.h>

#include "tests/unit/core/host_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::ServerStatus;

namespace {

/// A host with one VM, of which a sample comes every five seconds. Hears nothing but the server's.
struct Bench : HostBench {
    Bench() { begin({runningVm(1, 5)}); }

    Bench& sample(bool answers = true, bool poolsHang = false) {
        SampleTaken taken;
        if (answers) {
            auto& domain = taken.domains.emplace_back();
            domain.uuid = uuid(1);
            domain.domainId = 5;
            domain.takenAt = at(clock).mono;
        } else {
            taken.unresponsive = {uuid(1)};
        }
        taken.host.emplace();
        taken.host->takenAt = at(clock).mono;
        taken.host->pools.emplace().push_back(
            {.name = "a", .type = "dir", .state = "running", .stale = poolsHang});
        tell(std::move(taken));
        return *this;
    }
    /// Lets that time pass, second by second, with or without samples.
    Bench& pass(std::chrono::seconds time, bool samples = true, bool answers = true,
                bool poolsHang = false) {
        for (const auto end = clock + time; clock < end;) {
            clock += 1s;
            if (samples && clock % 5s == 0ms) sample(answers, poolsHang);
            host.tick(at(clock));
        }
        return *this;
    }
    Lines told() {
        Lines lines;
        for (const auto& each : heard())
            if (each.starts_with("server ")) lines.push_back(each);
        return lines;
    }
    std::string reason() const { return host.state().server.reason; }
};

}  // namespace

TEST_CASE("a host that is sampled is online") {
    Bench bench;
    bench.pass(120s);
    CHECK(bench.told().empty());
    CHECK(bench.host.state().server.status == ServerStatus::online);
    CHECK(bench.reason() == "connected");
}

TEST_CASE("a host whose samples do not come is degraded, until they come again") {
    Bench bench;
    bench.pass(15s);
    bench.pass(24s, false);
    CHECK(bench.told().empty());
    bench.pass(2s, false);
    CHECK(bench.told() == Lines{"server online>degraded (no_samples)"});
    CHECK(bench.reason() == "no_samples");
    bench.pass(60s, false);
    CHECK(bench.told().empty());
    bench.pass(20s);
    CHECK(bench.told() == Lines{"server degraded>online (recovered)"});
    CHECK(bench.reason() == "recovered");
}

TEST_CASE("a host one of whose monitors hangs is degraded") {
    Bench bench;
    bench.pass(10s).pass(9s, true, false);
    CHECK(bench.told().empty());
    bench.pass(10s, true, false);
    CHECK(bench.told() == Lines{"server online>degraded (monitor_timeout)"});
    bench.pass(9s);
    CHECK(bench.told().empty());
    bench.pass(10s);
    CHECK(bench.told() == Lines{"server degraded>online (recovered)"});
}

TEST_CASE("a host one of whose pools hangs is degraded") {
    Bench bench;
    bench.pass(30s, true, true, true);
    CHECK(bench.told() == Lines{"server online>degraded (storage_timeout)"});
    bench.pass(30s);
    CHECK(bench.told() == Lines{"server degraded>online (recovered)"});
}

TEST_CASE("what comes and goes is not told") {
    Bench bench;
    for (int i = 0; i < 20; ++i) bench.pass(5s, true, false).pass(5s);
    CHECK(bench.told().empty());
    bench.pass(30s, true, false).told();
    for (int i = 0; i < 20; ++i) bench.pass(5s).pass(5s, true, false);
    CHECK(bench.told().empty());
}

TEST_CASE("a listing leaves a degraded host degraded") {
    Bench bench;
    bench.pass(30s, true, false).told();
    bench.list({runningVm(1, 5)});
    CHECK(bench.told().empty());
    CHECK(bench.host.state().server.status == ServerStatus::degraded);
}

TEST_CASE("libvirt that is lost is offline, and begins anew when it is back") {
    Bench bench;
    bench.pass(30s, true, false).told();
    bench.lose("eof");
    CHECK(bench.told() == Lines{"server degraded>offline (eof)"});
    bench.pass(300s, false);
    CHECK(bench.told().empty());
    bench.lose("refused");
    CHECK(bench.told().empty());
    CHECK(bench.reason() == "refused");
    bench.open().list({runningVm(1, 5)});
    CHECK(bench.told() == Lines{"server offline>online (connected)"});
    bench.pass(9s, false);
    CHECK(bench.told().empty());
}

TEST_CASE("with another interval samples are expected at another pace") {
    Bench bench;
    bench.host.setSampleInterval(60s);
    bench.pass(170s, false);
    CHECK(bench.told().empty());
    bench.pass(30s, false);
    CHECK(bench.told() == Lines{"server online>degraded (no_samples)"});
}

TEST_CASE("maintenance is the last word") {
    Bench bench;
    bench.host.enterMaintenance(at(bench.clock));
    CHECK(bench.told() == Lines{"server online>maintenance (agent_stopping)"});
    bench.lose().open().list({runningVm(1, 5)});
    bench.pass(60s, false);
    CHECK(bench.told().empty());
    CHECK(bench.reason() == "agent_stopping");
}

TEST_CASE("the server is registered anew when what is known of it has changed, and only then") {
    Bench bench;
    bench.lose().open().list({runningVm(1, 5)});
    CHECK(bench.heard() ==
          Lines{"server online>offline (eof)", "server offline>online (connected)"});
    bench.host.setAddress("192.0.2.1", at());
    auto messages = bench.messages();
    REQUIRE(messages.size() == 1);
    CHECK(messages.front().type() == "server_registered");
    CHECK(messages.front().text("data.server.ip_address") == "192.0.2.1");
    bench.host.setAddress("192.0.2.1", at());
    CHECK(bench.heard().empty());
    HostDescription changed;
    changed.uuid = uuid(200);
    changed.hostname = "renamed";
    changed.hypervisor = "QEMU";
    changed.cpus = 8;
    changed.memoryTotalMb = 32768;
    bench.tell(ConnectionOpened{changed});
    messages = bench.messages();
    REQUIRE(messages.size() == 1);
    CHECK(messages.front().text("data.server.hostname") == "renamed");
}

TEST_CASE("an address that changes before libvirt was reached is told with the rest") {
    HostBench bench;
    bench.host.setAddress("192.0.2.1", at());
    CHECK(bench.heard().empty());
    bench.open();
    CHECK(bench.messages().front().text("data.server.ip_address") == "192.0.2.1");
}
