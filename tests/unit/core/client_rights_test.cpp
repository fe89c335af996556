// SPDX-License-Identifier: Apache-2.0
/// PROTOCOL.md, "Who is asking": rights that change, and tokens that end.
#include <doctest/doctest.h>

#include "tests/unit/core/client_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::Seq;
using enum rollo::core::Lifecycle;

TEST_CASE("a fresh token of the same person with the same rights is confirmed, and no more") {
    ClientBench bench;
    bench.opened(MonitorEndpoint{}, viewer("alice")).subscribe().lines();
    CHECK(bench.client->renew(viewer("alice"), at()));
    CHECK(bench.lines() == Lines{"connection_status"});
}

TEST_CASE("a token of somebody else changes nothing") {
    ClientBench bench;
    bench.opened(MonitorEndpoint{}, viewer("alice")).subscribe().lines();
    CHECK_FALSE(bench.client->renew(scoped("bob", {}), at()));
    const auto m = bench.only();
    CHECK(m.text("data.code") == "identity_mismatch");
    CHECK(m.text("data.request_type") == "auth");
    CHECK(bench.client->principal().user == "alice");
    bench.pause(1);
    CHECK(bench.lines().size() == 1);
}

TEST_CASE("a token raises an anonymous connection") {
    ClientBench bench;
    bench.opened();
    Principal admin = viewer("alice");
    admin.role = "admin";
    admin.permissions = *permissionsOfRole("admin");
    CHECK(bench.client->renew(admin, at()));
    const auto messages = bench.ear.take();
    REQUIRE(messages.size() == 3);
    CHECK(messages[0].text("data.user") == "alice");
    CHECK(messages[0].text("data.role") == "admin");
    CHECK(line(messages[1]) == "subscription_confirmed");
    CHECK(line(messages[2]) == "snapshot resync");
}

TEST_CASE(
    "with fewer rights the VMs that are lost are deleted for that connection, then resynced") {
    ClientBench bench;
    bench.opened(MonitorEndpoint{}, viewer("alice")).subscribe(R"({"vm_ids":[1,2]})").lines();
    CHECK(bench.client->renew(scoped("alice", {uuid(1)}), at()));
    const auto messages = bench.ear.take();
    REQUIRE(messages.size() == 4);
    CHECK(line(messages[0]) == "connection_status");
    CHECK(line(messages[1]) == "subscription_confirmed");
    CHECK(line(messages[2]) == "deleted vm2#2 (access_ended)");
    CHECK_FALSE(messages[2].has("seq"));
    CHECK(line(messages[3]) == "snapshot resync vm1");
    CHECK(messages[3].isNull("data.server"));
    bench.host.start(2, 12);
    bench.pause(1);
    CHECK(bench.lines() == Lines{"vm1 running>paused (io_error)"});
}

TEST_CASE("with more rights what comes into sight is in the resync, and live from there") {
    ClientBench bench;
    bench.opened(MonitorEndpoint{}, scoped("alice", {uuid(1)})).subscribe();
    CHECK(bench.lines() == confirmedAnd("snapshot subscribed vm1"));
    CHECK(bench.client->renew(viewer("alice"), at()));
    CHECK(bench.lines() ==
          Lines{"connection_status", "subscription_confirmed", "snapshot resync vm1 vm2 vm3"});
    bench.pause(3).subscribe();
    CHECK(bench.lines() ==
          Lines{"vm3 running>paused (io_error)", "subscription_confirmed", "snapshot subscribed"});
}

TEST_CASE("a token that no longer allows the endpoint ends the connection") {
    ClientBench bench;
    bench.opened(ServerEndpoint{"self"}, viewer("alice"));
    bench.client->renew(scoped("alice", {uuid(1)}), at());
    CHECK(bench.ear.farewells() == std::vector<std::string>{"permission_denied"});
}

TEST_CASE("rights that change while a resume waits wait with it") {
    ClientBench bench;
    bench.opening.resume = {bench.host.hub.epoch(), bench.host.hub.seq()};
    bench.opened(MonitorEndpoint{}, viewer("alice")).pause(1).pause(3);
    bench.client->renew(scoped("alice", {uuid(1)}), at());
    CHECK(bench.lines() == Lines{"connection_status", "subscription_confirmed"});
    bench.subscribe();
    CHECK(bench.lines() ==
          Lines{"subscription_confirmed", "vm1 running>paused (io_error)", "resumed"});
}

TEST_CASE("a VM renamed out of sight is gone for that connection, live and in its replay") {
    ClientBench live, later;
    const Principal principal = scoped("alice", {std::string("vm2")});
    live.opened(MonitorEndpoint{}, principal).subscribe(R"({"snapshot":false})").lines();
    const Seq from = later.host.hub.seq();
    live.rename(2, "secret");
    later.rename(2, "secret");
    CHECK(live.lines() == Lines{"deleted vm2#2 (access_ended)"});
    later.opened(MonitorEndpoint{}, principal).subscribe(later.resumeAt(from));
    CHECK(later.lines() ==
          Lines{"subscription_confirmed", "deleted vm2#2 (access_ended)", "resumed"});
}

TEST_CASE("a token that ends soon is warned of once, and its connection ends after a grace") {
    ClientBench bench;
    Principal alice = viewer("alice");
    alice.expiresAt = at(100s).wall;
    bench.opened(MonitorEndpoint{}, alice).tick(39s);
    CHECK(bench.lines().empty());
    bench.tick(40s);
    const auto m = bench.only();
    CHECK(m.type() == "token_expiring");
    CHECK(m.text("data.expires_at") == "2026-01-01T00:01:40.000Z");
    bench.tick(41s).tick(100s).tick(124s);
    CHECK(bench.lines().empty());
    CHECK(bench.ear.farewells().empty());
    bench.tick(125s);
    CHECK(bench.ear.farewells() == std::vector<std::string>{"token_expired"});
}

TEST_CASE("a fresh token renews the term and the warning") {
    ClientBench bench;
    Principal alice = viewer("alice");
    alice.expiresAt = at(100s).wall;
    bench.opened(MonitorEndpoint{}, alice).tick(50s).lines();
    alice.expiresAt = at(200s).wall;
    bench.client->renew(alice, at(60s));
    bench.lines();
    bench.tick(130s);
    CHECK(bench.lines().empty());
    bench.tick(140s);
    CHECK(bench.lines() == Lines{"token_expiring"});
    CHECK(bench.ear.farewells().empty());
}

TEST_CASE("who has no token has none that ends") {
    ClientBench bench;
    bench.opened().tick(1000h);
    CHECK(bench.lines().empty());
    CHECK(bench.ear.farewells().empty());
}
