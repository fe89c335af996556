// SPDX-License-Identifier: Apache-2.0
/// Figures by rules: of VMs, of the host, and of the agent; other rules, and rules for one VM.
#include "agent/core/alert_rules.hpp"

#include <doctest/doctest.h>

#include "tests/unit/core/alert_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::Severity;
using enum rollo::core::AlertSource;
using enum rollo::core::Lifecycle;

namespace {

const std::string memoryOfVm1 = idOfVm1(vmMemory);

struct Bench : AlertBench {
    explicit Bench(AlertPolicy policy = policyOf({memoryRule()})) : AlertBench(std::move(policy)) {
        beginRunning();
    }
    /// VM 1 fires as `warning`, since 60 s.
    Bench& fire() {
        use(0s, 95).use(60s, 95);
        REQUIRE(alerts() == Lines{"vm_memory warning firing"});
        return *this;
    }
    Bench& set(AlertPolicy policy) {
        host.setAlertPolicy(policy, at(clock));
        return *this;
    }
};

AlertPolicy withOverride(AlertVm vm, AlertOverride change) {
    auto policy = policyOf({memoryRule()});
    policy.vms.push_back({std::move(vm), {std::move(change)}});
    return policy;
}
AlertOverride off() {
    return {vmMemory, false, {}, {}};
}
AlertOverride atOnce() {
    return {vmMemory, {}, 0s, {}};
}
AlertRule serverRule(AlertSource source) {
    return {source, true, 0s, {{Severity::warning, 80, 70}}};
}
HostSample withPools(std::vector<PoolSample> pools) {
    HostSample sample;
    sample.pools = std::move(pools);
    return sample;
}

}  // namespace

TEST_CASE("a VM's figure fires, becomes worse, better, and is over: each is told once") {
    Bench bench;
    bench.use(0s, 95).use(55s, 95);
    CHECK(bench.alerts().empty());
    bench.use(60s, 96).use(65s, 96);
    CHECK(bench.alerts() == Lines{"vm_memory warning firing"});
    bench.use(70s, 99).use(130s, 99).use(135s, 99);
    CHECK(bench.alerts() == Lines{"vm_memory critical firing"});
    bench.use(140s, 91).use(200s, 91).use(205s, 91);
    CHECK(bench.alerts() == Lines{"vm_memory warning firing"});
    bench.use(210s, 79).use(215s, 79);
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
    CHECK(bench.quiet());
}

TEST_CASE("an alert says what it is about, and is kept current for snapshots") {
    Bench bench;
    bench.use(0s, 95).use(60s, 96.5).use(65s, 97);
    const auto& alert = bench.firing(memoryOfVm1);
    CHECK(alert.title == "High memory usage");
    CHECK(alert.message == "vm1 uses 96.5 % of its memory (warning from 90 % on, for 1 min)");
    CHECK(alert.vm == bench.vm(1)->info.identity);
    CHECK(alert.value == 97);
    CHECK(alert.threshold == 90);
    CHECK(alert.count == 2);
    CHECK(alert.firstSeen == at(60s).wall);
    CHECK(alert.lastSeen == at(65s).wall);
    bench.heard();
    bench.use(70s, 10);
    const auto over = bench.messages().front();  // the figures come later
    CHECK(over.number("data.value") == 10);
    CHECK(over.text("data.title") == "Resolved: High memory usage");
}

TEST_CASE("a stale VM keeps its alerts, and time without figures counts for nothing") {
    Bench bench;
    bench.use(0s, 95).tell(silent(1));
    bench.clock = 50s;
    bench.tell(silent(1));
    bench.use(55s, 95).use(60s, 95);
    CHECK(bench.alerts().empty());
    bench.use(115s, 95);
    CHECK(bench.alerts() == Lines{"vm_memory warning firing"});
    bench.clock = 120s;
    bench.tell(unresponsive(1)).lose().tick(1h);
    CHECK(bench.alerts().empty());
    CHECK(bench.firing(memoryOfVm1).count == 1);
    bench.open().list({runningVm(1, 5)});
    CHECK(bench.alerts().empty());
    bench.use(1h, 10);
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
}

TEST_CASE("a figure that is not known neither raises nor clears") {
    Bench bench;
    bench.fire();
    bench.tell(sampled({sampleOf(1, 5, 65s)}));
    REQUIRE_FALSE(bench.vm(1)->metrics->memoryUsagePercent);
    CHECK(bench.alerts().empty());
    CHECK(bench.firing(memoryOfVm1).count == 1);
}

TEST_CASE("the figures of a VM that stops are no trouble any more") {
    Bench bench;
    bench.fire().on(1, stopped, "shutdown", 5);
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
    bench.start(1, 6);
    bench.use(65s, 95, 6);
    CHECK(bench.alerts().empty());  // begins anew
    bench.use(125s, 95, 6);
    CHECK(bench.alerts() == Lines{"vm_memory warning firing"});
}

TEST_CASE("a VM that is deleted takes its alert along, and its successor begins anew") {
    Bench bench;
    bench.fire().list({});
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
    bench.list({runningVm(1, 6)});
    bench.use(65s, 95, 6);
    CHECK(bench.alerts().empty());
}

TEST_CASE("an alert follows the VM's name and id") {
    Bench bench;
    bench.fire();
    auto description = claiming(runningVm(1, 5), 42);
    description.domain.name = "renamed";
    bench.outdated(1).described(description);
    CHECK(bench.alerts().empty());
    CHECK(bench.firing(memoryOfVm1).vm == bench.vm(1)->info.identity);
    bench.heard();
    bench.use(65s, 10);
    CHECK(bench.messages().front().integer("data.entity_id") == 42);
}

TEST_CASE("every source of a VM's figures has its own alert") {
    Bench bench(policyOf({{vmCpu, true, 0s, {{Severity::info, 50, 40}}}, memoryRule()}));
    bench.tell(sampled({sampleOf(1, 5, 0s, 0)}));
    bench.tell(sampled({sampleOf(1, 5, 10s, 9'000'000'000)}));
    CHECK(bench.alerts() == Lines{"vm_cpu info firing"});
    CHECK(bench.firing(idOfVm1(vmCpu)).value == 90);
}

// --- other rules ---------------------------------------------------------------------------------

TEST_CASE("a rule that is switched off ends its alert at once") {
    Bench bench;
    auto rule = memoryRule();
    rule.enabled = false;
    bench.fire();
    SUBCASE("with figures") {}
    SUBCASE("without") {
        bench.tell(silent(1));
    }
    bench.set(policyOf({rule}));
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
    bench.use(70s, 99).use(200s, 99);
    CHECK(bench.alerts().empty());
}

TEST_CASE("a rule that is taken away ends its alert") {
    Bench bench;
    bench.fire().set({});
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
}

TEST_CASE("other thresholds hold at once, by the last figure") {
    Bench bench;
    auto rule = memoryRule();
    bench.fire();
    rule.levels = {{Severity::warning, 97, 96}};
    bench.set(policyOf({rule}));
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
    rule.levels = {{Severity::error, 50, 40}};
    rule.lasts = 0s;
    bench.set(policyOf({rule}));
    CHECK(bench.alerts() == Lines{"vm_memory error firing"});
}

TEST_CASE("what fires goes on under another severity, however long that must last") {
    Bench bench(policyOf({happeningRule(libvirtLost)}));
    bench.lose();
    auto rule = happeningRule(libvirtLost, 30s);
    rule.levels.front().severity = Severity::critical;
    bench.set(policyOf({rule}));
    CHECK(bench.alerts() == Lines{"libvirt_lost error firing", "libvirt_lost critical firing"});
}

TEST_CASE("the same rules again change nothing") {
    Bench bench;
    bench.fire().set(policyOf({memoryRule()}));
    CHECK(bench.alerts().empty());
    CHECK(bench.firing(memoryOfVm1).count == 1);
}

TEST_CASE("what has held so far counts under another rule") {
    Bench bench;
    auto rule = memoryRule();
    rule.lasts = 30s;
    bench.use(0s, 95).use(20s, 95);
    bench.set(policyOf({rule}));
    CHECK(bench.alerts().empty());
    bench.use(30s, 95);
    CHECK(bench.alerts() == Lines{"vm_memory warning firing"});
}

TEST_CASE("what happened fires under a rule that is switched on") {
    Bench bench(AlertPolicy{});
    bench.on(1, stopped, "failed", 5);
    bench.set(policyOf({happeningRule(vmCrashed)}));
    CHECK(bench.alerts() == Lines{"vm_crashed error firing"});
}

TEST_CASE("the server's rules change as well") {
    Bench bench(policyOf({serverRule(serverDisk), serverRule(serverPool), serverRule(agentQueues),
                          happeningRule(libvirtLost)}));
    bench.hostUses(0s, withPools({poolOf("images", 90)}));
    bench.host.noteQueues(90, 100, at());
    bench.lose();
    REQUIRE(bench.host.state().alerts.size() == 4);
    bench.heard();
    bench.set({});
    bench.host.noteQueues(90, 100, at());
    CHECK(bench.alerts().size() == 4);
    CHECK(bench.quiet());
}

// --- one VM --------------------------------------------------------------------------------------

TEST_CASE("the configuration overrides a rule for one VM, by id, UUID, or name") {
    for (const AlertVm& vm : {AlertVm(rollo::proto::VmId(1000001)), AlertVm(domain(1).uuid),
                              AlertVm(std::string("vm1"))}) {
        Bench bench(withOverride(vm, off()));
        bench.use(0s, 95).use(60s, 95);
        CHECK(bench.alerts().empty());
    }
    Bench bench(withOverride(std::string("vm2"), off()));
    bench.fire();
}

TEST_CASE("overrides come in their order, and what is not given stays") {
    auto policy = withOverride(domain(1).uuid, off());
    policy.vms.push_back({std::string("vm1"), {{vmMemory, true, {}, {}}, atOnce()}});
    Bench bench(policy);
    bench.use(0s, 95);
    CHECK(bench.alerts() == Lines{"vm_memory warning firing"});
    bench.use(5s, 99);
    CHECK(bench.alerts() == Lines{"vm_memory critical firing"});
}

TEST_CASE("the metadata's overrides come after the configuration's, and change at any time") {
    Bench bench(withOverride(std::string("vm1"), off()));
    auto description = runningVm(1, 5);
    description.alertOverrides = {{vmMemory, true, 0s, {{{Severity::info, 50, 40}}}}};
    bench.outdated(1).described(description);
    bench.use(0s, 60);
    CHECK(bench.alerts() == Lines{"vm_memory info firing"});
    bench.outdated(1).described(runningVm(1, 5));
    CHECK(bench.alerts() == Lines{"vm_memory info resolved"});
}

TEST_CASE("a VM that is listed with overrides has them from the start") {
    AlertBench bench(policyOf({memoryRule()}));
    auto description = runningVm(1, 5);
    description.alertOverrides = {atOnce()};
    bench.begin({description});
    bench.use(0s, 95);
    CHECK(bench.alerts() == Lines{"vm_memory warning firing"});
}

TEST_CASE("a VM cannot override what is not about VMs") {
    Bench bench(policyOf({happeningRule(libvirtLost)}));
    auto description = runningVm(1, 5);
    description.alertOverrides = {{libvirtLost, false, {}, {}}};
    bench.outdated(1).described(description).lose();
    CHECK(bench.alerts() == Lines{"libvirt_lost error firing"});
}

TEST_CASE("an override by name goes by the present name") {
    Bench bench(withOverride(std::string("renamed"), off()));
    bench.fire();
    auto description = runningVm(1, 5);
    description.domain.name = "renamed";
    bench.outdated(1).described(description);
    CHECK(bench.alerts() == Lines{"vm_memory warning resolved"});
}

// --- the host and the agent ----------------------------------------------------------------------

TEST_CASE("the host's figures fire") {
    Bench bench(
        policyOf({serverRule(serverMemory), {serverLoad, true, 0s, {{Severity::warning, 2, 1}}}}));
    HostSample sample;
    sample.memoryTotalKib = 100;
    sample.memoryAvailableKib = 10;
    sample.loadAverage = {16, 0, 0};  // 8 processors
    bench.hostUses(0s, sample);
    CHECK(bench.alerts() == Lines{"server_memory warning firing", "server_load warning firing"});
    CHECK(bench.firing("server_memory").value == 90);
    CHECK(bench.firing("server_load").value == 2);
    CHECK_FALSE(bench.firing("server_load").vm);
    bench.hostUses(5s, HostSample{});
    CHECK(bench.alerts().empty());
    sample.memoryAvailableKib = 40;
    sample.loadAverage = {4, 0, 0};
    bench.hostUses(10s, sample);
    CHECK(bench.alerts() ==
          Lines{"server_memory warning resolved", "server_load warning resolved"});
}

TEST_CASE("time without libvirt counts for nothing") {
    auto rule = serverRule(serverMemory);
    rule.lasts = 60s;
    Bench bench(policyOf({rule}));
    HostSample sample;
    sample.memoryTotalKib = 100;
    sample.memoryAvailableKib = 10;
    bench.hostUses(0s, sample).lose();
    bench.open().list({runningVm(1, 5)});
    bench.hostUses(100s, sample);
    CHECK(bench.alerts().empty());
    bench.hostUses(160s, sample);
    CHECK(bench.alerts() == Lines{"server_memory warning firing"});
}

TEST_CASE("each pool fires for itself, and one that is gone does not any more") {
    Bench bench(policyOf({serverRule(serverPool)}));
    bench.hostUses(0s, withPools({poolOf("images", 90), poolOf("backup", 85), poolOf("iso", 10)}));
    CHECK(bench.alerts() == Lines{"server_pool warning firing", "server_pool warning firing"});
    CHECK(bench.firing("server_pool:images").value == 90);
    CHECK(bench.firing("server_pool:images").message ==
          "90 % of the storage pool images is in use (warning from 80 % on)");
    CHECK(bench.firing("server_pool:backup").value == 85);
    auto stale = poolOf("images", 10);
    stale.stale = true;
    bench.hostUses(5s, withPools({stale}));
    CHECK(bench.alerts() == Lines{"server_pool warning resolved"});
    bench.hostUses(10s, HostSample{});  // nobody has looked
    CHECK(bench.firing("server_pool:images").value == 90);
    bench.hostUses(15s, withPools({}));
    CHECK(bench.alerts() == Lines{"server_pool warning resolved"});
    CHECK(bench.quiet());
}

TEST_CASE("what waits for clients fires in percent of what may wait") {
    Bench bench(policyOf({serverRule(agentQueues)}));
    bench.host.noteQueues(79, 100, at());
    bench.host.noteQueues(1, 0, at());
    CHECK(bench.alerts().empty());
    bench.host.noteQueues(80, 100, at());
    CHECK(bench.alerts() == Lines{"agent_queues warning firing"});
    CHECK(bench.firing("agent_queues").value == 80);
    bench.host.noteQueues(69, 100, at());
    CHECK(bench.alerts() == Lines{"agent_queues warning resolved"});
}
