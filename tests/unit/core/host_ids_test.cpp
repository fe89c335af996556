// SPDX-License-Identifier: Apache-2.0
/// What becomes of ids when the metadata claims one, and of two VMs that claim the same.
#include <doctest/doctest.h>

#include "tests/unit/core/host_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::VmStatus;
using enum rollo::core::Lifecycle;

namespace {

DomainDescription named(DomainDescription description, std::string name) {
    description.domain.name = std::move(name);
    return description;
}

}  // namespace

TEST_CASE("an id that is written into the metadata renumbers the VM") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).outdated(1).described(claiming(runningVm(1, 5), 42));
    CHECK(bench.heard() == Lines{"deleted vm1#1000001 (renumbered)", "created vm1#42 running"});
    CHECK(bench.vm(1)->info.identity.idFromPlatform);
    CHECK(bench.bootOf(1) == "boot-1");
    bench.outdated(1).described(runningVm(1, 5));
    CHECK(bench.heard() == Lines{"deleted vm1#42 (renumbered)", "created vm1#1000001 running"});
    CHECK_FALSE(bench.vm(1)->info.identity.idFromPlatform);
}

TEST_CASE("a VM that is renumbered and renamed at once goes under its former name") {
    HostBench bench;
    bench.begin({claiming(stoppedVm(1), 41)});
    bench.outdated(1).described(claiming(named(stoppedVm(1), "other"), 42));
    CHECK(bench.heard() == Lines{"deleted vm1#41 (renumbered)", "created other#42 stopped"});
}

TEST_CASE("an allotted id that the platform confirms changes who may see the VM") {
    HostBench bench;
    FakeSubscriber scopedEar;
    Hub::Member member(scopedEar);
    Subscription everything;
    everything.add({});
    Principal scoped = Principal::anonymous();
    scoped.vms = {rollo::proto::VmId{1000001}};
    bench.begin({stoppedVm(1)});
    bench.hub.join(member, everything, scoped);
    bench.outdated(1).described(claiming(stoppedVm(1), 1000001));
    CHECK(scopedEar.takeLines() == Lines{"updated vm1 []"});
    bench.outdated(1).described(stoppedVm(1));
    CHECK(scopedEar.takeLines() == Lines{"deleted vm1#1000001 (access_ended)"});
    bench.hub.leave(member);
}

TEST_CASE("two VMs that claim one id: the first keeps it, and an alert is raised once") {
    HostBench bench;
    bench.begin({claiming(stoppedVm(1), 42)});
    bench.on(2, defined, "added").described(claiming(stoppedVm(2), 42));
    auto messages = bench.messages();
    REQUIRE(messages.size() == 2);
    CHECK(line(messages[0]) == "created vm2#1000001 stopped");
    CHECK(line(messages[1]) == "alert vm_id_conflict firing");
    CHECK(messages[1].text("data.entity_type") == "vm");
    CHECK(messages[1].integer("data.entity_id") == 1000001);
    CHECK(messages[1].text("data.severity") == "warning");
    CHECK(bench.host.state().alerts.size() == 1);
    bench.list({claiming(stoppedVm(1), 42), claiming(stoppedVm(2), 42)});
    CHECK(bench.heard().empty());
}

TEST_CASE("the alert is resolved when the claim ends") {
    HostBench bench;
    bench.begin({claiming(stoppedVm(1), 42), claiming(stoppedVm(2), 42)});
    REQUIRE(bench.host.state().alerts.size() == 1);
    SUBCASE("because the metadata was mended") {
        bench.outdated(2).described(stoppedVm(2));
        CHECK(bench.heard() == Lines{"alert vm_id_conflict resolved"});
    }
    SUBCASE("because the VM is gone") {
        bench.on(2, undefined, "undefined");
        CHECK(bench.heard() ==
              Lines{"alert vm_id_conflict resolved", "deleted vm2#1000001 (undefined)"});
    }
    SUBCASE("because the other is gone, and the id is its own now") {
        bench.on(1, undefined, "undefined").outdated(2).described(claiming(stoppedVm(2), 42));
        CHECK(bench.heard() == Lines{"deleted vm1#42 (undefined)",
                                     "deleted vm2#1000001 (renumbered)", "created vm2#42 stopped",
                                     "alert vm_id_conflict resolved"});
    }
    CHECK(bench.host.state().alerts.empty());
}

TEST_CASE("an alert goes by the VM's present name") {
    HostBench bench;
    bench.begin({claiming(stoppedVm(1), 42), claiming(stoppedVm(2), 42)});
    bench.outdated(2).described(claiming(named(stoppedVm(2), "secret"), 42)).heard();
    CHECK(bench.host.state().alerts.begin()->second.vm->name == "secret");
}

TEST_CASE("clients are told, once, that the state cannot be saved, and that it can again") {
    HostBench bench;
    bench.begin({stoppedVm(1)});
    bench.host.tellOfSaving(true, at());
    CHECK(bench.heard().empty());
    bench.host.tellOfSaving(false, at());
    bench.host.tellOfSaving(false, at());
    const auto messages = bench.messages();
    REQUIRE(messages.size() == 1);
    CHECK(line(messages[0]) == "alert agent_state_unsaved firing");
    CHECK(messages[0].text("data.entity_type") == "server");
    CHECK(messages[0].text("data.severity") == "error");
    bench.host.tellOfSaving(true, at());
    CHECK(bench.heard() == Lines{"alert agent_state_unsaved resolved"});
    CHECK(bench.host.state().alerts.empty());
}

TEST_CASE("an alert survives that libvirt is lost, and is resolved by what comes after") {
    HostBench bench;
    bench.begin({claiming(stoppedVm(1), 42), claiming(stoppedVm(2), 42)}).lose().open().heard();
    CHECK(bench.host.state().alerts.size() == 1);
    bench.list({claiming(stoppedVm(1), 42), stoppedVm(2)});
    CHECK(bench.heard() ==
          Lines{"alert vm_id_conflict resolved", "server offline>online (connected)"});
}
