// SPDX-License-Identifier: Apache-2.0
/// The connection, the listing and its races with callbacks, and what outlives the agent.
#include "agent/core/host.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/core/host_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::ServerStatus;
using rollo::proto::VmStatus;
using enum rollo::core::Lifecycle;

namespace {

/// What a run of the agent leaves behind in which VM 1 was stopped and VM 2 ran.
SavedState formerRun() {
    HostBench bench;
    bench.begin({stoppedVm(1), runningVm(2, 5, 100)});
    SavedState saved = bench.host.saved();
    saved.vms.at(1).bootId = "former";
    return saved;
}

}  // namespace

// --- the server ----------------------------------------------------------------------------------

TEST_CASE("the first connection registers the server, and the first listing puts it online") {
    HostBench bench;
    bench.open();
    CHECK(bench.heard() == Lines{"server_registered"});
    CHECK(bench.host.state().server.libvirtConnected);
    CHECK_FALSE(bench.host.state().inventoryRead);
    bench.list({});
    CHECK(bench.heard() == Lines{"server offline>online (connected)"});
    CHECK(bench.host.state().inventoryRead);
}

TEST_CASE("what libvirt says of the host is told") {
    HostBench bench;
    bench.open();
    const auto message = bench.messages().front();
    CHECK(message.integer("data.server.id") == 7);
    CHECK(message.text("data.server.hostname") == "host");
    CHECK(message.text("data.server.uuid") == uuid(200).toString());
    CHECK(message.text("data.server.libvirt.hypervisor") == "QEMU");
    CHECK(message.integer("data.server.cpus") == 8);
    CHECK(message.flag("data.server.libvirt.connected"));
}

TEST_CASE("a server without a configured id gets one of its UUID, and keeps it") {
    HostBench bench({}, std::nullopt);
    CHECK_FALSE(bench.host.state().server.id);
    CHECK_FALSE(bench.hub.serverId());
    bench.open();
    const auto id = bench.host.state().server.id;
    REQUIRE(id);
    CHECK(*id >= 1);
    CHECK(bench.hub.serverId() == id);
    CHECK(bench.host.takeUnsaved());
    HostBench later(bench.host.saved(), std::nullopt);
    CHECK(later.host.state().server.id == id);
    CHECK(later.hub.serverId() == id);
}

TEST_CASE("a host whose UUID changes at each start keeps the first one") {
    HostBench bench({}, std::nullopt);
    bench.open();
    const auto id = bench.host.state().server.id;
    bench.lose();
    HostDescription other;
    other.uuid = uuid(201);
    other.hypervisor = "QEMU";
    bench.tell(ConnectionOpened{other});
    CHECK(bench.host.state().server.uuid == uuid(200));
    CHECK(bench.host.state().server.id == id);
}

TEST_CASE("a lost connection is told with its reason, and VMs keep their status, stale") {
    HostBench bench;
    bench.begin({runningVm(1, 5), stoppedVm(2)}).lose("keepalive");
    CHECK(bench.heard() == Lines{"server online>offline (keepalive)"});
    CHECK(bench.vm(1)->info.status == VmStatus::running);
    CHECK(bench.vm(1)->info.stale);
    CHECK_FALSE(bench.host.state().server.libvirtConnected);
    bench.lose("refused");
    CHECK(bench.heard().empty());
}

TEST_CASE("figures are stale while libvirt is lost") {
    HostBench bench;
    bench.begin({runningVm(1, 5)});
    SampleTaken sample;
    sample.domains.push_back({.uuid = uuid(1), .domainId = 5});
    sample.host.emplace();
    bench.tell(sample).lose();
    CHECK(bench.vm(1)->metrics->stale);
    CHECK(bench.host.state().serverMetrics->stale);
}

TEST_CASE("libvirt that is back with nothing changed says no more than that") {
    HostBench bench;
    bench.begin({runningVm(1, 5, 100), stoppedVm(2)})
        .lose()
        .open()
        .list({runningVm(1, 5, 200), stoppedVm(2)});
    CHECK(bench.heard() ==
          Lines{"server online>offline (eof)", "server offline>online (connected)"});
    CHECK_FALSE(bench.vm(1)->info.stale);
    CHECK(bench.bootOf(1) == "boot-1");
}

TEST_CASE("what changed while libvirt was lost is told as ordinary events") {
    HostBench bench;
    bench.begin({runningVm(1, 5), runningVm(2, 6), stoppedVm(3), stoppedVm(4),
                 transientVm(runningVm(5, 7))});
    bench.lose().open();
    bench.heard();
    auto failed = stoppedVm(2);
    failed.reason = "crashed";
    auto larger = stoppedVm(3);
    larger.vcpus = 4;
    bench.list({runningVm(1, 5), failed, larger, stoppedVm(6)});
    auto lines = bench.heard();
    CHECK(lines.back() == "server offline>online (connected)");
    lines.pop_back();
    std::sort(lines.begin(), lines.end());
    CHECK(lines == Lines{"created vm6#1000006 stopped", "deleted vm4#1000004 (vanished)",
                         "deleted vm5#1000005 (transient_ended)", "updated vm3 [vcpus]",
                         "vm2 running>stopped (crashed)", "vm5 running>stopped (unknown)"});
}

TEST_CASE("what is told after a loss is not stale") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).lose().open().heard();
    auto larger = stoppedVm(1);
    larger.vcpus = 4;
    bench.list({larger});
    CHECK_FALSE(bench.messages().front().flag("data.vm.stale"));
}

TEST_CASE("another QEMU process under the same name is a stop and a start") {
    HostBench bench;
    bench.begin({runningVm(1, 5, 1000)}).lose().open().heard();
    SUBCASE("with another id") {
        bench.list({runningVm(1, 6, 2000)});
    }
    SUBCASE("with the same id, but less CPU time") {
        bench.list({runningVm(1, 5, 10)});
    }
    CHECK(bench.heard() == Lines{"vm1 running>stopped (unknown)", "vm1 stopped>running (booted)",
                                 "server offline>online (connected)"});
    CHECK(bench.bootOf(1) == "boot-2");
}

TEST_CASE("a QEMU process that has just gone, and is read without any CPU time, is no other one") {
    HostBench bench;
    bench.begin({runningVm(1, 5, 1000)}).lose().open().heard();
    bench.list({runningVm(1, 5, 0)});
    CHECK(bench.heard() == Lines{"server offline>online (connected)"});
}

TEST_CASE("the agent that is being stopped says so") {
    HostBench bench;
    bench.begin({});
    bench.host.enterMaintenance(at());
    CHECK(bench.heard() == Lines{"server online>maintenance (agent_stopping)"});
}

TEST_CASE("a listing is asked for when the last one is old") {
    HostBench bench;
    bench.host.tick(at(1h));
    CHECK(bench.hypervisor.lists() == 0);
    bench.begin({});
    for (const auto& [time, lists] : std::vector<std::pair<std::chrono::seconds, int>>{{1s, 0},
                                                                                       {2s, 1},
                                                                                       {3s, 1},
                                                                                       {12s, 2},
                                                                                       {61s, 2},
                                                                                       {62s, 3},
                                                                                       {5min, 3},
                                                                                       {312s, 4},
                                                                                       {10min, 4},
                                                                                       {612s, 5}}) {
        bench.host.tick(at(time));
        CHECK(bench.hypervisor.lists() == lists);
    }
    bench.clock = 11min;
    bench.lose().begin({});
    bench.host.tick(at(11min + 1s));
    CHECK(bench.hypervisor.lists() == 5);
    bench.host.tick(at(11min + 2s));
    CHECK(bench.hypervisor.lists() == 6);
}

TEST_CASE("no listing is asked for during one, or without a connection") {
    HostBench bench;
    bench.begin({}).tell(ListingBegun{});
    bench.host.tick(at(1h));
    CHECK(bench.hypervisor.lists() == 0);
    bench.tell(ListingDone{}).lose();
    bench.host.tick(at(2h));
    CHECK(bench.hypervisor.lists() == 0);
}

// --- the listing ---------------------------------------------------------------------------------

TEST_CASE("the first listing creates every VM, with its state") {
    HostBench bench;
    auto paused = runningVm(3, 6);
    paused.status = VmStatus::paused;
    paused.reason = "user";
    bench.open().list({stoppedVm(1), runningVm(2, 5), paused});
    CHECK(bench.heard() == Lines{"server_registered", "created vm1#1000001 stopped",
                                 "created vm2#1000002 running", "created vm3#1000003 paused",
                                 "server offline>online (connected)"});
    CHECK(bench.asked() == 0);
    CHECK(bench.bootOf(1).empty());
    CHECK(bench.bootOf(2) == "boot-1");
    CHECK(bench.bootOf(3) == "boot-2");
}

TEST_CASE("a listing without a difference is silent") {
    HostBench bench;
    bench.begin({stoppedVm(1), runningVm(2, 5)}).list({runningVm(2, 5, 100), stoppedVm(1)});
    CHECK(bench.heard().empty());
}

TEST_CASE("a listing finds what no callback told") {
    HostBench bench;
    bench.begin({stoppedVm(1), runningVm(2, 5)});
    auto changed = stoppedVm(1);
    changed.autostart = true;
    bench.list({changed, runningVm(2, 5)});
    CHECK(bench.heard() == Lines{"updated vm1 [autostart]"});
}

TEST_CASE("a domain that a callback mentions during the listing is looked at again") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).tell(ListingBegun{}).start(1, 5);
    CHECK(bench.heard() == Lines{"vm1 stopped>running (booted)"});
    SUBCASE("where its description was read before the event") {
        bench.tell(ListingDone{{stoppedVm(1)}});
    }
    SUBCASE("where it was read after the event") {
        bench.tell(ListingDone{{runningVm(1, 5)}});
    }
    CHECK(bench.heard().empty());
    CHECK(bench.vm(1)->info.status == VmStatus::running);
    CHECK(bench.asked() == 2);
    bench.described(runningVm(1, 5)).described(runningVm(1, 5));
    CHECK(bench.heard().empty());
}

TEST_CASE("a reboot during the listing counts as a mention") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).tell(ListingBegun{}).reboot(1, 5);
    bench.heard();
    auto old = runningVm(1, 5);
    old.status = VmStatus::paused;
    bench.tell(ListingDone{{old}});
    CHECK(bench.heard().empty());
    CHECK(bench.asked() == 1);
}

TEST_CASE("a VM that stops during the listing is stopped, whatever the listing says") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).tell(ListingBegun{}).on(1, stopped, "destroyed");
    bench.tell(ListingDone{{runningVm(1, 5)}});
    bench.described(stoppedVm(1)).described(stoppedVm(1));
    CHECK(bench.heard() == Lines{"vm1 running>stopped (destroyed)"});
}

TEST_CASE("a VM undefined during the listing does not come back by it") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).tell(ListingBegun{}).on(1, undefined, "undefined");
    bench.tell(ListingDone{{stoppedVm(1)}});
    CHECK(bench.asked() == 1);
    bench.gone(1);
    CHECK(bench.heard() == Lines{"deleted vm1#1000001 (undefined)"});
    CHECK_FALSE(bench.vm(1));
}

TEST_CASE("a domain undefined during the first listing never was") {
    HostBench bench;
    bench.open().tell(ListingBegun{}).on(1, undefined, "undefined");
    bench.heard();
    bench.tell(ListingDone{{stoppedVm(1)}}).gone(1);
    CHECK(bench.heard() == Lines{"server offline>online (connected)"});
}

TEST_CASE("a VM defined during the listing is created once") {
    HostBench bench;
    bench.begin({}).tell(ListingBegun{}).on(1, defined, "added");
    SUBCASE("where the listing has it") {
        bench.tell(ListingDone{{stoppedVm(1)}});
    }
    SUBCASE("where the listing does not have it") {
        bench.tell(ListingDone{});
    }
    CHECK(bench.asked() == 1);
    bench.described(stoppedVm(1));
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped"});
}

TEST_CASE("a VM defined just before a listing begins is created once") {
    HostBench bench;
    bench.begin({}).on(1, defined, "added").list({stoppedVm(1)}).described(stoppedVm(1));
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped"});
    CHECK(bench.asked() == 1);
}

TEST_CASE(
    "a VM started for the first time between the connection and the listing is created once") {
    HostBench bench;
    bench.open().start(1, 5).list({transientVm(runningVm(1, 5))});
    bench.described(transientVm(runningVm(1, 5))).described(transientVm(runningVm(1, 5)));
    CHECK(bench.heard() == Lines{"server_registered", "server offline>online (connected)",
                                 "created vm1#1000001 stopped", "vm1 stopped>running (booted)"});
}

TEST_CASE("a VM that vanishes during the listing, with a callback, is not said to be gone twice") {
    HostBench bench;
    bench.begin({transientVm(runningVm(1, 5))}).tell(ListingBegun{});
    bench.on(1, stopped, "shutdown").tell(ListingDone{}).gone(1);
    CHECK(bench.heard() ==
          Lines{"vm1 running>stopped (shutdown)", "deleted vm1#1000001 (transient_ended)"});
    bench.gone(1);
    CHECK(bench.heard().empty());
}

TEST_CASE("a VM that had a callback, but is not in the listing, is looked for") {
    HostBench bench;
    bench.begin({transientVm(runningVm(1, 5))}).tell(ListingBegun{});
    bench.on(1, shutdown, "destroyed", 5).tell(ListingDone{});
    CHECK(bench.asked() == 1);
    bench.gone(1);
    CHECK(bench.heard() == Lines{"vm1 running>stopping (destroyed)",
                                 "vm1 stopping>stopped (unknown)",
                                 "deleted vm1#1000001 (transient_ended)"});
}

TEST_CASE("a domain that cannot be read stays as it was known") {
    HostBench bench;
    auto full = claiming(runningVm(1, 5, 100), 42);
    full.vcpus = 4;
    bench.begin({full});
    DomainDescription unread;
    unread.domain = domain(1, 5);
    bench.list({unread}).outdated(1).described(unread);
    CHECK(bench.heard().empty());
    CHECK(bench.vm(1)->info.identity.id == 42);
    CHECK(bench.vm(1)->info.vcpus == 4);
    CHECK(bench.vm(1)->info.status == VmStatus::running);
}

TEST_CASE("a domain that cannot be read is created all the same") {
    HostBench bench;
    DomainDescription unread;
    unread.domain = domain(1);
    bench.begin({}).list({unread});
    CHECK(bench.heard() == Lines{"created vm1#1000001 unknown"});
}

TEST_CASE("answers of a connection that was lost are not waited for") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).on(1, stopped, "destroyed").on(2, defined, "added");
    bench.lose().open();
    bench.heard();
    bench.described(runningVm(1, 5)).described(stoppedVm(2));
    CHECK(bench.heard().empty());
    bench.list({stoppedVm(1), stoppedVm(2)});
    CHECK(bench.heard() ==
          Lines{"created vm2#1000002 stopped", "server offline>online (connected)"});
}

// --- from one run of the agent to the next -------------------------------------------------------

TEST_CASE("ids and boots outlive the agent") {
    HostBench later(formerRun());
    later.begin({runningVm(2, 5, 200), stoppedVm(1)});
    CHECK(later.vm(1)->info.identity.id == 1000001);
    CHECK(later.vm(2)->info.identity.id == 1000002);
    CHECK(later.bootOf(2) == "former");
}

TEST_CASE("what is saved of a VM is what names its process") {
    HostBench bench;
    bench.begin({stoppedVm(1), runningVm(2, 5, 100)});
    const SavedState saved = bench.host.saved();
    REQUIRE(saved.vms.size() == 2);
    CHECK(saved.hostBootId == "kernel-1");
    CHECK(saved.nextId == 1000003);
    CHECK(saved.vms[0].name == "vm1");
    CHECK(saved.vms[0].domainId == -1);
    CHECK(saved.vms[0].bootId.empty());
    CHECK(saved.vms[1].domainId == 5);
    CHECK(saved.vms[1].bootId == "boot-1");
    CHECK(saved.vms[1].cpuTimeNs == 100);
}

TEST_CASE("a boot of another process, or of another run of the host, is a new one") {
    SavedState saved = formerRun();
    const auto bootAfter = [&](const DomainDescription& now) {
        HostBench bench(saved);
        bench.begin({now});
        return bench.bootOf(2);
    };
    CHECK(bootAfter(runningVm(2, 5, 100)) == "former");
    CHECK(bootAfter(runningVm(2, 6, 100)) == "boot-1");
    CHECK(bootAfter(runningVm(2, 5, 99)) == "boot-1");
    saved.hostBootId = "kernel-0";
    CHECK(bootAfter(runningVm(2, 5, 100)) == "boot-1");
}

TEST_CASE("a process mentioned during the first listing keeps its boot") {
    HostBench bench(formerRun());
    bench.open().tell(ListingBegun{}).on(2, suspended, "user", 5);
    bench.tell(ListingDone{{runningVm(2, 5, 200)}});
    auto paused = runningVm(2, 5, 200);
    paused.status = VmStatus::paused;
    bench.described(paused);
    CHECK(bench.bootOf(2) == "former");
    CHECK(bench.vm(2)->info.status == VmStatus::paused);
}

TEST_CASE("a process started during the first listing has a boot of its own") {
    HostBench bench(formerRun());
    bench.open().tell(ListingBegun{}).start(2, 6).tell(ListingDone{{runningVm(2, 5, 200)}});
    bench.described(runningVm(2, 6));
    CHECK(bench.bootOf(2) == "boot-1");
}

TEST_CASE("a run that never reached libvirt loses nothing of the one before") {
    HostBench blind(formerRun());
    HostBench later(blind.host.saved());
    CHECK(blind.host.saved().vms.at(1) == formerRun().vms.at(1));
    later.begin({stoppedVm(1), runningVm(2, 5, 200)});
    CHECK(later.vm(2)->info.identity.id == 1000002);
    CHECK(later.bootOf(2) == "former");
}

TEST_CASE("what must be saved is said once") {
    HostBench bench;
    bench.begin({stoppedVm(1)});
    CHECK(bench.host.takeUnsaved());
    CHECK_FALSE(bench.host.takeUnsaved());
    bench.list({stoppedVm(1)});
    CHECK_FALSE(bench.host.takeUnsaved());
    bench.start(1, 5);
    CHECK(bench.host.takeUnsaved());
    bench.on(1, suspended, "user", 5);
    CHECK_FALSE(bench.host.takeUnsaved());
}

TEST_CASE("who had an id keeps it after a restart, whatever the order of the listing") {
    HostBench bench;
    bench.begin({claiming(stoppedVm(1), 42), claiming(stoppedVm(2), 42)});
    CHECK(bench.vm(1)->info.identity.id == 42);
    HostBench later(bench.host.saved());
    later.begin({claiming(stoppedVm(2), 42), claiming(stoppedVm(1), 42)});
    CHECK(later.vm(1)->info.identity.id == 42);
    CHECK(later.vm(2)->info.identity.id == 1000001);
}
