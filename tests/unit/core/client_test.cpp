// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "tests/unit/core/client_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using enum rollo::core::Lifecycle;

// --- opening -------------------------------------------------------------------------------------

TEST_CASE("connection_status is the first message, and says where the numbers stand") {
    ClientBench bench;
    bench.open(MonitorEndpoint{}, viewer("alice"));
    const auto m = bench.only();
    CHECK(m.type() == "connection_status");
    CHECK(m.text("data.connection_id") == "c1");
    CHECK(m.text("data.epoch") == bench.host.hub.epoch());
    CHECK(m.integer("data.seq") == static_cast<std::int64_t>(bench.host.hub.seq()));
    CHECK(m.integer("data.seq") > 0);
    CHECK(m.text("data.user") == "alice");
    CHECK(m.text("data.role") == "viewer");
    CHECK(m.integer("data.server_id") == 7);
    CHECK(m.text("data.hostname") == "host");
    CHECK(m.integer("data.limits.max_rules") == 64);
    CHECK(m.integer("data.heartbeat_seconds") == 30);
}

TEST_CASE("the monitor brings alerts at once, and the rest after subscribe") {
    ClientBench bench;
    bench.opened().pause(1).sample();
    bench.host.on(4, defined, "added").described(claiming(stoppedVm(4), 1));
    CHECK(bench.lines() == Lines{"alert vm_id_conflict firing"});
    bench.subscribe();
    CHECK(bench.lines() == confirmedAnd("snapshot subscribed vm1 vm2 vm3 vm4"));
    bench.resume(1).sample();
    CHECK(bench.lines() == Lines{"vm1 paused>running (user)", "metrics vm1"});
}

TEST_CASE("the endpoint of a VM begins with its snapshot, and has its events alone") {
    for (const std::string name : {"1", "vm1", "00000000-0000-0000-0000-000000000001"}) {
        ClientBench bench;
        bench.open(VmEndpoint{name});
        CHECK(bench.lines() == Lines{"connection_status", "snapshot subscribed vm1"});
        bench.pause(1).pause(3).sample();
        CHECK(bench.lines() == Lines{"vm1 running>paused (io_error)", "metrics vm1"});
    }
}

TEST_CASE("the endpoint of the server begins with its snapshot, and has none of its VMs") {
    for (const std::string name : {"self", "7"}) {
        ClientBench bench;
        bench.open(ServerEndpoint{name});
        const auto messages = bench.ear.take();
        REQUIRE(messages.size() == 2);
        CHECK(messages[1].text("data.server.hostname") == "host");
        CHECK(messages[1].size("data.vms") == 0);
        bench.pause(1).host.lose();
        CHECK(bench.lines() == Lines{"server online>offline (eof)"});
    }
}

TEST_CASE("who opens the server's endpoint before libvirt was ever reached hears when it is") {
    HostBench host({}, std::nullopt);
    FakeSubscriber ear;
    const Client::Terms terms;
    Client client({ServerEndpoint{"self"}, "c1", {}, {}, true}, Principal::anonymous(), terms,
                  host.hub, host.host.state(), ear);
    client.open(at());
    ear.takeSent();
    host.open().list({stoppedVm(1)});
    CHECK(ear.takeLines() == Lines{"server_registered", "server offline>online (connected)"});
}

TEST_CASE("without a wish for it no snapshot is sent") {
    ClientBench bench;
    bench.opening.snapshot = false;
    bench.open(VmEndpoint{"1"});
    CHECK(bench.lines() == Lines{"connection_status"});
    bench.pause(1);
    CHECK(bench.lines().size() == 1);
}

TEST_CASE("who may not be here is told nothing") {
    ClientBench bench;
    CHECK(bench.refusal(VmEndpoint{"9"}, viewer("a")) == "not_found");
    CHECK(bench.refusal(VmEndpoint{"1"}, scoped("a", {uuid(2)})) == "not_found");
    CHECK(bench.refusal(ServerEndpoint{"8"}, viewer("a")) == "not_found");
    CHECK(bench.refusal(ServerEndpoint{"self"}, scoped("a", {uuid(2)})) == "permission_denied");
    CHECK(bench.refusal(MonitorEndpoint{}, Principal()) == "permission_denied");
    bench.pause(1);
    CHECK(bench.lines().empty());
}

TEST_CASE("an endpoint opened by name stays with its VM through a rename and its deletion") {
    ClientBench bench;
    bench.opened(VmEndpoint{"vm2"}).rename(2, "other");
    bench.host.on(2, undefined, "undefined");
    CHECK(bench.lines() == Lines{"updated other [name]", "deleted other#2 (undefined)"});
    bench.host.on(2, defined, "added").described(claiming(stoppedVm(2), 2));
    CHECK(bench.lines() == Lines{"created vm2#2 stopped"});
}

TEST_CASE("an endpoint opened by number stays with the number, one by name with the VM") {
    ClientBench byNumber, byName;
    byNumber.opened(VmEndpoint{"2"});
    byName.opened(VmEndpoint{"vm2"});
    for (auto* bench : {&byNumber, &byName})
        bench->host.outdated(2).described(claiming(stoppedVm(2), 42)).start(2, 12);
    CHECK(byNumber.lines() == Lines{"deleted vm2#2 (renumbered)"});
    CHECK(byName.lines() == Lines{"deleted vm2#2 (renumbered)", "created vm2#42 stopped",
                                  "vm2 stopped>running (booted)"});
}

TEST_CASE("a query on the monitor subscribes without a message") {
    ClientBench bench;
    bench.opening.subscribe =
        rollo::proto::Subscribe{{{{"vm_status_changed"}}, Ids{1}, {}}, {}, true, {}};
    bench.open();
    CHECK(bench.lines() ==
          Lines{"connection_status", "subscription_confirmed", "snapshot subscribed vm1"});
    bench.pause(1).pause(3).sample();
    CHECK(bench.lines() == Lines{"vm1 running>paused (io_error)"});
}

TEST_CASE("a query of events on a VM's endpoint narrows what the path names") {
    ClientBench bench;
    bench.opening.subscribe =
        rollo::proto::Subscribe{{{{"vm_status_changed", "nonsense"}}, {}, {}}, {}, true, {}};
    bench.open(VmEndpoint{"vm1"});
    const auto messages = bench.ear.take();
    REQUIRE(messages.size() == 3);
    CHECK(messages[1].texts("data.refused") == std::vector<std::string>{"nonsense"});
    CHECK(messages[1].integers("data.rules[0].vm_ids") == Ids{1});
    CHECK(line(messages[2]) == "snapshot subscribed vm1");
    bench.sample().pause(1).pause(3);
    CHECK(bench.lines() == Lines{"vm1 running>paused (io_error)"});
}

TEST_CASE("how a client is counted") {
    ClientBench bench;
    CHECK(bench.opened().client->room() == "monitor");
    CHECK(bench.opened(VmEndpoint{"vm3"}).client->room() == "vm:3");
    CHECK(bench.opened(ServerEndpoint{"self"}).client->room() == "server:7");
}

TEST_CASE("a client that is gone hears nothing and leaves no room behind") {
    ClientBench bench;
    const auto rooms = bench.host.hub.rooms();
    bench.opened(VmEndpoint{"1"});
    CHECK(bench.host.hub.rooms() == rooms + 1);
    bench.client.reset();
    CHECK(bench.host.hub.rooms() == rooms);
    bench.pause(1);
    CHECK(bench.lines().empty());
}

// --- subscribing ---------------------------------------------------------------------------------

TEST_CASE("a subscribe is confirmed, then comes the snapshot, then what is live") {
    ClientBench bench;
    bench.opened().subscribe(R"({"vm_ids":[1,3]})").pause(1).pause(3);
    CHECK(bench.lines() == Lines{"subscription_confirmed", "snapshot subscribed vm1 vm3",
                                 "vm1 running>paused (io_error)", "vm3 running>paused (io_error)"});
}

TEST_CASE("every later event has a larger number than the snapshot") {
    ClientBench bench;
    bench.pause(1).opened().subscribe().pause(3);
    const auto messages = bench.ear.take();
    REQUIRE(messages.size() == 3);
    CHECK(messages[2].integer("seq") == messages[1].integer("data.seq") + 1);
}

TEST_CASE("without a snapshot a subscribe is confirmed alone") {
    ClientBench bench;
    bench.opened().subscribe(R"({"snapshot":false})").pause(1);
    CHECK(bench.lines() == confirmedAnd("vm1 running>paused (io_error)"));
}

TEST_CASE("a confirmation shows the rules in force, what was refused and what is pending") {
    ClientBench bench;
    bench.opened().subscribe(
        R"({"id":"mine","events":["vm_created","*","nonsense"],"vm_ids":[3,99],"server_ids":[7,8],
            "snapshot":false})");
    const auto m = bench.only();
    CHECK(m.text("data.id") == "mine");
    REQUIRE(m.size("data.rules") == 2);
    CHECK(m.texts("data.rules[0].events") == std::vector<std::string>{"alert", "progress"});
    CHECK(m.text("data.rules[1].id") == "mine");
    CHECK(m.texts("data.rules[1].events") == std::vector<std::string>{"vm_created"});
    CHECK(m.integers("data.rules[1].vm_ids") == Ids{3, 99});
    CHECK(m.texts("data.refused") == std::vector<std::string>{"*", "nonsense"});
    REQUIRE(m.size("data.pending") == 2);
    CHECK(m.integer("data.pending[0].vm_id") == 99);
    CHECK(m.integer("data.pending[1].server_id") == 8);
}

TEST_CASE("a star, or nothing, stands for all events") {
    for (const auto* data : {R"({"events":["*"],"snapshot":false})", R"({"snapshot":false})"}) {
        ClientBench bench;
        bench.opened().subscribe(data);
        const auto m = bench.only();
        CHECK(m.isNull("data.events"));
        REQUIRE(m.size("data.rules") == 1);
        CHECK(m.isNull("data.rules[0].events"));
        CHECK(m.size("data.refused") == 0);
    }
}

TEST_CASE("a pending id begins to match when its VM appears") {
    ClientBench bench;
    bench.opened().subscribe(R"({"vm_ids":[4]})");
    CHECK(bench.lines() == confirmedAnd("snapshot subscribed"));
    bench.host.on(4, defined, "added").described(claiming(stoppedVm(4), 4));
    CHECK(bench.lines() == Lines{"created vm4#4 stopped"});
}

TEST_CASE("an id that may not be seen is pending, as one that does not exist") {
    ClientBench bench;
    bench.opened(MonitorEndpoint{}, scoped("a", {uuid(1)}))
        .subscribe(R"({"vm_ids":[1,2,9],"server_ids":[7],"snapshot":false})");
    const auto m = bench.only();
    REQUIRE(m.size("data.pending") == 3);
    CHECK(m.integer("data.pending[0].vm_id") == 2);
    CHECK(m.integer("data.pending[1].vm_id") == 9);
    CHECK(m.integer("data.pending[2].server_id") == 7);
}

TEST_CASE("a later subscribe brings only what is new to the connection") {
    ClientBench bench;
    bench.opened().subscribe(R"({"vm_ids":[1]})");
    CHECK(bench.lines() == confirmedAnd("snapshot subscribed vm1"));
    bench.subscribe(R"({"vm_ids":[1,2]})");
    CHECK(bench.lines() == confirmedAnd("snapshot subscribed vm2"));
    bench.subscribe();
    CHECK(bench.lines() == confirmedAnd("snapshot subscribed vm3"));
    bench.subscribe();
    CHECK(bench.lines() == confirmedAnd("snapshot subscribed"));
}

TEST_CASE("what was subscribed without a snapshot is new to the first one") {
    ClientBench bench;
    bench.opened().subscribe(R"({"vm_ids":[1],"snapshot":false})").lines();
    bench.subscribe(R"({"vm_ids":[2]})");
    CHECK(bench.lines() == confirmedAnd("snapshot subscribed vm1 vm2"));
}

TEST_CASE("what was missed after an unsubscribe is new when it is asked for again") {
    const auto missed = [](ClientBench& bench) {
        bench.pause(1).lines();
        bench.subscribe(R"({"vm_ids":[1]})");
        const auto messages = bench.ear.take();
        REQUIRE(messages.size() == 2);
        CHECK(messages[1].text("data.vms[0].name") == "vm1");
        CHECK(messages[1].text("data.vms[0].status") == "paused");
    };
    ClientBench byList, byName, replaced;
    byList.opened().subscribe(R"({"vm_ids":[1]})").unsubscribe(R"({"vm_ids":[1]})");
    missed(byList);
    byName.opened().subscribe(R"({"id":"x","vm_ids":[1]})").unsubscribe(R"({"id":"x"})");
    missed(byName);
    replaced.opened()
        .subscribe(R"({"id":"x","vm_ids":[1]})")
        .subscribe(R"({"id":"x","vm_ids":[2],"snapshot":false})");
    missed(replaced);
}

TEST_CASE("more events of a VM than before make it new") {
    ClientBench bench;
    bench.opened().subscribe(R"({"events":["vm_metrics_update"],"vm_ids":[1]})").pause(1).lines();
    bench.subscribe(R"({"events":["vm_status_changed"],"vm_ids":[1]})");
    const auto messages = bench.ear.take();
    REQUIRE(messages.size() == 2);
    CHECK(messages[1].text("data.vms[0].status") == "paused");
}

TEST_CASE("an unsubscribe ends what it names, and is confirmed with what is left") {
    ClientBench bench;
    bench.opened().subscribe().lines();
    bench.unsubscribe(R"({"vm_ids":[1]})").pause(1).pause(3);
    CHECK(bench.lines() == confirmedAnd("vm3 running>paused (io_error)"));
    bench.unsubscribe(R"({"events":["vm_status_changed"]})").resume(3);
    CHECK(bench.lines() == Lines{"subscription_confirmed"});
    bench.unsubscribe().host.lose();
    const auto m = bench.only();
    CHECK(m.size("data.events") == 0);
}

TEST_CASE("an unsubscribe by name ends that rule, and looks at nothing else") {
    ClientBench bench;
    bench.opened().subscribe(R"({"id":"a","vm_ids":[1]})").subscribe(R"({"id":"b","vm_ids":[3]})");
    bench.lines();
    bench.unsubscribe(R"({"id":"a","vm_ids":[3]})").pause(1).pause(3);
    CHECK(bench.lines() == confirmedAnd("vm3 running>paused (io_error)"));
    bench.unsubscribe(R"({"id":"never"})");
    CHECK(bench.only().text("data.id") == "never");
}

TEST_CASE("the endpoint's own rule can be unsubscribed") {
    ClientBench bench;
    bench.opened(VmEndpoint{"1"}).unsubscribe().pause(1);
    CHECK(bench.lines() == Lines{"subscription_confirmed"});
}

TEST_CASE("rules are limited, and those there are stay as they were") {
    ClientBench bench;
    bench.terms.maxRules = 3;
    bench.opened();  // the endpoint's own rule is one of them
    bench.subscribe(R"({"id":"a","vm_ids":[1],"snapshot":false})");
    bench.subscribe(R"({"id":"b","vm_ids":[2],"snapshot":false})").lines();
    bench.subscribe(R"({"id":"c","vm_ids":[3],"snapshot":false})");
    const auto refused = bench.only();
    CHECK(refused.text("data.code") == "too_many_rules");
    CHECK(refused.text("data.request_type") == "subscribe");
    bench.unsubscribe(R"({"events":["vm_created"],"vm_ids":[1]})");
    CHECK(bench.only().text("data.request_type") == "unsubscribe");
    bench.pause(1).pause(3);
    CHECK(bench.lines() == Lines{"vm1 running>paused (io_error)"});
}

TEST_CASE("at the limit a rule may be replaced, and everything may be unsubscribed") {
    ClientBench bench;
    bench.terms.maxRules = 2;
    bench.opened().subscribe(R"({"id":"a","vm_ids":[1],"snapshot":false})").lines();
    bench.subscribe(R"({"id":"a","vm_ids":[3],"snapshot":false})").pause(1).pause(3);
    CHECK(bench.lines() == confirmedAnd("vm3 running>paused (io_error)"));
    bench.unsubscribe().resume(3);
    CHECK(bench.lines() == Lines{"subscription_confirmed"});
}

TEST_CASE("the ids of all rules together are limited") {
    ClientBench bench;
    bench.terms.maxIds = 3;
    bench.opened().subscribe(R"({"vm_ids":[1,2],"snapshot":false})").lines();
    bench.subscribe(R"({"vm_ids":[3],"server_ids":[7],"snapshot":false})");
    CHECK(bench.lines() == Lines{"error too_many_rules"});
    bench.subscribe(R"({"vm_ids":[3],"snapshot":false})");
    CHECK(bench.lines() == Lines{"subscription_confirmed"});
}

TEST_CASE("a ping is answered with the last number") {
    ClientBench bench;
    bench.opened().pause(1).say(R"({"type":"ping"})");
    CHECK(bench.only().integer("data.seq") == static_cast<std::int64_t>(bench.host.hub.seq()));
}

TEST_CASE("an event endpoint has no console") {
    ClientBench bench;
    bench.opened().say(R"({"type":"console_acquire"})");
    const auto m = bench.only();
    CHECK(m.text("data.code") == "unsupported");
    CHECK(m.text("data.request_type") == "console_acquire");
}

TEST_CASE("a history comes in the snapshots of whoever asked for it, and of nobody else") {
    ClientBench bench;
    bench.sample().opened();
    bench.subscribe(R"({"history":true})");
    auto sent = bench.ear.take();
    CHECK(sent.back().type() == "snapshot");
    CHECK(sent.back().size("data.history.vms") == 1);
    bench.unsubscribe().ear.take();
    bench.subscribe();
    CHECK_FALSE(bench.ear.take().back().has("data.history"));
    bench.opening.history = true;
    bench.open(VmEndpoint{"1"});
    sent = bench.ear.take();
    CHECK(sent.back().integer("data.history.vms[0].id") == 1);
}
