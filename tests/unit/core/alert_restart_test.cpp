// SPDX-License-Identifier: Apache-2.0
/// Alerts that fire outlive the agent: they are there from the first moment, are not told again,
/// and end when it is seen that they do not hold any more.
#include <doctest/doctest.h>

#include "tests/unit/core/alert_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::Severity;
using enum rollo::core::AlertSource;
using enum rollo::core::Lifecycle;

namespace {

AlertPolicy policy() {
    auto policy = policyOf({memoryRule(), {serverPool, true, 0s, {{Severity::warning, 80, 70}}}});
    for (const auto source : {vmCrashed, vmWatchdog, vmUnresponsive, libvirtLost})
        policy.rules.push_back(happeningRule(source));
    return policy;
}

struct Bench : AlertBench {
    explicit Bench(const SavedState& saved = {}, AlertPolicy rules = policy())
        : AlertBench(std::move(rules), saved) {}
};

/// What a run saved in which VM 1 ran and used much memory, since 60 s.
SavedState savedFiring() {
    Bench bench;
    bench.beginRunning().use(0s, 95).use(60s, 95).use(65s, 95);
    REQUIRE(bench.alerts() == Lines{"vm_memory warning firing"});
    return bench.host.saved();
}

}  // namespace

TEST_CASE("an alert is there from the first moment, with its past, and is not told again") {
    Bench bench(savedFiring());
    const auto& alert = bench.firing(idOfVm1(vmMemory));
    CHECK(alert.firstSeen == at(60s).wall);
    CHECK(alert.count == 2);
    CHECK(alert.serverId == 7);
    CHECK(alert.vm->name == "vm1");
    CHECK_FALSE(bench.host.takeUnsaved());
    bench.open().list({runningVm(1, 5)});
    CHECK(bench.firing(idOfVm1(vmMemory)).count == 2);
    bench.use(100s, 95).use(200s, 96);
    CHECK(bench.alerts().empty());
    CHECK(bench.firing(idOfVm1(vmMemory)).count == 4);
    CHECK(bench.firing(idOfVm1(vmMemory)).value == 96);
}

TEST_CASE("an alert that holds no more ends with the first sample") {
    Bench bench(savedFiring());
    bench.beginRunning().use(100s, 50);
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
}

TEST_CASE("an alert's severity changes after a restart as before") {
    Bench bench(savedFiring());
    bench.beginRunning().use(100s, 99).use(160s, 99);
    CHECK(bench.alerts() == Lines{"vm_memory critical firing"});
    CHECK(bench.firing(idOfVm1(vmMemory)).firstSeen == at(60s).wall);
}

TEST_CASE("a figure of a VM that stopped meanwhile ends with the listing") {
    Bench bench(savedFiring());
    bench.open().list({stoppedVm(1)});
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
}

TEST_CASE("an alert about a VM that is gone ends with the first listing") {
    Bench bench(savedFiring());
    bench.open().list({runningVm(2, 6)});
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
    CHECK(bench.quiet());
}

TEST_CASE("a VM that comes during the first listing keeps its alert") {
    Bench bench(savedFiring());
    bench.open().tell(ListingBegun{}).on(1, suspended, "user", 5).tell(ListingDone{});
    CHECK(bench.alerts().empty());
    bench.described(runningVm(1, 5));
    CHECK(bench.alerts().empty());
    CHECK_FALSE(bench.quiet());
}

TEST_CASE("a VM that goes during the first listing loses its alert with the next one") {
    Bench bench(savedFiring());
    bench.open().tell(ListingBegun{}).on(1, suspended, "user", 5).tell(ListingDone{});
    bench.gone(1).list({});
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
}

TEST_CASE("an alert goes by what the VM is called after the restart") {
    Bench bench(savedFiring());
    auto description = claiming(runningVm(1, 5), 42);
    description.domain.name = "renamed";
    bench.begin({description});
    CHECK(bench.firing(idOfVm1(vmMemory)).vm == bench.vm(1)->info.identity);
}

TEST_CASE("an alert of a rule that is switched off meanwhile ends with the listing") {
    Bench bench(savedFiring(), {});
    bench.open().list({runningVm(1, 5)});
    CHECK(bench.alerts().empty());
    bench.use(100s, 99);
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
}

TEST_CASE("a crash of which nobody knows any more but the agent is not over") {
    Bench former;
    former.beginRunning().on(1, stopped, "failed", 5);
    Bench bench(former.host.saved());
    bench.open().list({stoppedVm(1)});  // the daemon has forgotten why
    CHECK(bench.alerts().empty());
    CHECK_FALSE(bench.quiet());
    bench.start(1, 6);
    CHECK(bench.alerts() == Lines{"vm_crashed error resolved"});
}

TEST_CASE("a VM that runs again after a crash and a restart is no trouble any more") {
    Bench former;
    former.beginRunning().on(1, stopped, "failed", 5);
    Bench bench(former.host.saved());
    bench.open().list({runningVm(1, 6)});
    CHECK(bench.alerts() == Lines{"vm_crashed error resolved"});
}

TEST_CASE("a watchdog's quiet time begins anew with the agent") {
    Bench former;
    former.beginRunning().tell(WatchdogFired{domain(1, 5), "reset"});
    Bench bench(former.host.saved());
    bench.clock = 1h;
    bench.beginRunning().tick(1h + 599s);
    CHECK(bench.alerts().empty());
    bench.tick(1h + 600s);
    CHECK(bench.alerts() == Lines{"vm_watchdog error resolved"});
}

TEST_CASE("a listing does not show that a VM responds, a sample does") {
    Bench former;
    former.beginRunning().tell(unresponsive(1));
    Bench bench(former.host.saved());
    bench.open().list({runningVm(1, 5)}).tick(10s);
    CHECK(bench.alerts().empty());
    CHECK_FALSE(bench.quiet());
    SUBCASE("it does not") {
        bench.tell(unresponsive(1));
        CHECK(bench.alerts().empty());
    }
    SUBCASE("it does") {
        bench.use(10s, 10);
        CHECK(bench.alerts() == Lines{"vm_unresponsive error resolved"});
    }
}

TEST_CASE("libvirt was lost, and still is, or is back") {
    Bench former;
    former.beginRunning().lose();
    Bench bench(former.host.saved());
    bench.tick(10s).lose("refused");
    CHECK(bench.alerts().empty());
    bench.open().list({});
    CHECK(bench.alerts() == Lines{"libvirt_lost error resolved"});
}

TEST_CASE("a pool that is gone after a restart has no alert") {
    Bench former;
    HostSample sample;
    sample.pools = {poolOf("images", 90)};
    former.beginRunning().hostUses(0s, sample);
    Bench bench(former.host.saved());
    SUBCASE("it is there") {
        bench.hostUses(5s, sample);
        CHECK(bench.alerts().empty());
        CHECK(bench.firing("server_pool:images").count == 2);
    }
    SUBCASE("it is gone") {
        sample.pools->clear();
        bench.hostUses(5s, sample);
        CHECK(bench.alerts() == Lines{"server_pool warning resolved"});
    }
}

TEST_CASE("published alerts outlive the agent, and count among those that may fire") {
    Bench former;
    AlertReport report;
    report.alert.type = "test";
    for (std::size_t i = 0; i < Alerts::largestPublished; ++i) {
        report.alert.id = std::to_string(i);
        REQUIRE(former.host.alerts().report(report, at()));
    }
    Bench bench(former.host.saved());
    CHECK(bench.host.state().alerts.size() == Alerts::largestPublished);
    report.alert.id = "one more";
    CHECK_FALSE(bench.host.alerts().report(report, at()));
    report.alert.id = "0";
    report.alert.firing = false;
    bench.open().list({}).heard();
    REQUIRE(bench.host.alerts().report(report, at()));
    CHECK(bench.alerts() == Lines{"test warning resolved"});
}

TEST_CASE("two VMs of one id are not told of again") {
    Bench former;
    former.begin({claiming(stoppedVm(1), 42), claiming(stoppedVm(2), 42)});
    REQUIRE(former.host.state().alerts.size() == 1);
    Bench bench(former.host.saved());
    bench.open().list({claiming(stoppedVm(1), 42), claiming(stoppedVm(2), 42)});
    CHECK(bench.alerts().empty());
    bench.list({claiming(stoppedVm(1), 42), stoppedVm(2)});
    CHECK(bench.alerts() == Lines{"vm_id_conflict warning resolved"});
}

TEST_CASE("whether the state can be saved is not remembered") {
    Bench former;
    former.host.tellOfSaving(false, at());
    Bench bench(former.host.saved());
    CHECK(bench.quiet());
}
