// SPDX-License-Identifier: Apache-2.0
#include "agent/core/endpoint.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/examples.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using rollo::proto::VmId;

namespace {

using Ids = std::vector<std::int64_t>;

Vm known(const rollo::proto::VmIdentity& identity) {
    Vm made;
    made.info = vmInfo(identity);
    return made;
}

/// VMs 1 `web`, 2 `db`, 3 `2` and 4 that is called as the UUID of 1.
HostState inventory() {
    HostState state;
    state.server.id = 7;
    state.vms.emplace(uuid(1), known(vm(1, "web")));
    state.vms.emplace(uuid(2), known(vm(2, "db")));
    state.vms.emplace(uuid(3), known(vm(3, "2")));
    state.vms.emplace(uuid(4), known(vm(4, uuid(1).toString())));
    return state;
}

VmId found(const std::string& text, const Principal& principal = Principal::anonymous()) {
    const HostState state = inventory();
    const Vm* vm = findVm(state, text, principal);
    return vm ? vm->info.identity.id : 0;
}

Principal scoped(std::vector<VmScope> vms) {
    Principal principal = Principal::anonymous();
    principal.vms = std::move(vms);
    return principal;
}

std::string refusal(const EventEndpoint& endpoint,
                    const Principal& principal = Principal::anonymous()) {
    const HostState state = inventory();
    const auto farewell = OpenedEndpoint(endpoint, state, principal).refusal(state, principal);
    return farewell ? std::string(farewell->word) : "";
}

Rule ruleOf(const EventEndpoint& endpoint) {
    return OpenedEndpoint(endpoint, inventory(), Principal::anonymous()).rule();
}

}  // namespace

TEST_CASE("a VM is named by its id, its UUID or its name") {
    CHECK(found("1") == 1);
    CHECK(found("web") == 1);
    CHECK(found("00000000-0000-0000-0000-000000000002") == 2);
    CHECK(found("001") == 1);
}

TEST_CASE("a number is always an id, and a UUID always a UUID") {
    CHECK(found("2") == 2);
    CHECK(found(uuid(1).toString()) == 1);
}

TEST_CASE("what names no VM finds none") {
    for (const auto* text : {"", "0", "9", "-1", "+1", "1 ", "1.0", "1e0", "WEB", "we", "web/",
                             "00000000-0000-0000-0000-000000000009", "9223372036854775807",
                             "99999999999999999999999999", "\xff"})
        CHECK(found(text) == 0);
}

TEST_CASE("a VM that may not be seen is not found") {
    CHECK(found("1", scoped({uuid(1)})) == 1);
    CHECK(found("web", scoped({uuid(2)})) == 0);
    CHECK(found("1", scoped({uuid(2)})) == 0);
    CHECK(found(uuid(1).toString(), scoped({std::string("db")})) == 0);
}

TEST_CASE("the monitor is for whoever may view VMs") {
    CHECK(refusal(MonitorEndpoint{}).empty());
    CHECK(refusal(MonitorEndpoint{}, scoped({})).empty());
    Principal nobody;
    CHECK(refusal(MonitorEndpoint{}, nobody) == "permission_denied");
}

TEST_CASE("a VM that is hidden is refused as one that does not exist") {
    CHECK(refusal(VmEndpoint{"web"}).empty());
    CHECK(refusal(VmEndpoint{"nothing"}) == "not_found");
    CHECK(refusal(VmEndpoint{"web"}, scoped({uuid(2)})) == "not_found");
}

TEST_CASE("the permission comes before the question whether there is such a VM") {
    Principal nobody;
    CHECK(refusal(VmEndpoint{"web"}, nobody) == "permission_denied");
    CHECK(refusal(VmEndpoint{"nothing"}, nobody) == "permission_denied");
}

TEST_CASE("the server is named by its id or as itself") {
    CHECK(refusal(ServerEndpoint{"self"}).empty());
    CHECK(refusal(ServerEndpoint{"7"}).empty());
    for (const auto* text : {"8", "0", "", "Self", "host", "7x", "99999999999999999999"})
        CHECK(refusal(ServerEndpoint{text}) == "not_found");
    CHECK(refusal(ServerEndpoint{"self"}, scoped({uuid(1)})) == "permission_denied");
    CHECK(refusal(ServerEndpoint{"8"}, scoped({uuid(1)})) == "permission_denied");
}

TEST_CASE("a server whose id is not known yet is there as itself alone") {
    HostState state;
    const auto refused = [&](const std::string& name) {
        const Principal principal = Principal::anonymous();
        return OpenedEndpoint(ServerEndpoint{name}, state, principal)
            .refusal(state, principal)
            .has_value();
    };
    CHECK_FALSE(refused("self"));
    CHECK(refused("7"));
    CHECK(refused("0"));
}

TEST_CASE("the monitor starts with progress and alerts, the others with what they name") {
    const Rule monitor = ruleOf(MonitorEndpoint{});
    CHECK(monitor.kinds->wireNames() == std::vector<std::string>{"alert", "progress"});
    CHECK_FALSE(monitor.vmIds);
    const Rule byId = ruleOf(VmEndpoint{"2"});
    CHECK_FALSE(byId.kinds);
    CHECK(byId.vmIds == Ids{2});
    CHECK_FALSE(byId.boundTo);
    CHECK(ruleOf(VmEndpoint{"web"}).boundTo == uuid(1));
    CHECK(ruleOf(VmEndpoint{uuid(2).toString()}).boundTo == uuid(2));
    const Rule server = ruleOf(ServerEndpoint{"self"});
    CHECK(server.ownServer);
    CHECK(server.vmIds == Ids{});
}

TEST_CASE("rooms are counted by what is looked at") {
    HostState state = inventory();
    const auto room = [&](const EventEndpoint& endpoint) {
        return OpenedEndpoint(endpoint, state, Principal::anonymous()).room(state);
    };
    CHECK(room(MonitorEndpoint{}) == "monitor");
    CHECK(room(VmEndpoint{"web"}) == "vm:1");
    CHECK(room(VmEndpoint{"2"}) == "vm:2");
    CHECK(room(ServerEndpoint{"self"}) == "server:7");
    const OpenedEndpoint web(VmEndpoint{"web"}, state, Principal::anonymous());
    state.vms.at(uuid(1)).info.identity.id = 42;
    CHECK(web.room(state) == "vm:42");
    state.vms.erase(uuid(1));
    CHECK(web.room(state) == "vm:" + uuid(1).toString());
    state.server.id.reset();
    CHECK(room(ServerEndpoint{"self"}) == "server:self");
}
