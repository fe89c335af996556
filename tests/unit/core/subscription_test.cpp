// SPDX-License-Identifier: Apache-2.0
/// PROTOCOL.md, "What a subscription means".
#include "agent/core/subscription.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/examples.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using rollo::proto::EventKind;
using rollo::proto::ServerId;
using rollo::proto::VmId;
using rollo::proto::VmIdentity;
using enum rollo::proto::EventKind;

namespace {

constexpr ServerId self = 7;
using Ids = std::vector<std::int64_t>;

Kinds kinds(std::initializer_list<EventKind> list) {
    Kinds made;
    for (const auto kind : list) made.add(kind);
    return made;
}

Rule include(std::optional<Kinds> which = {}, std::optional<Ids> vmIds = {},
             std::optional<Ids> serverIds = {}, std::string id = {}) {
    Rule rule;
    rule.id = std::move(id);
    rule.kinds = which;
    rule.vmIds = std::move(vmIds);
    rule.serverIds = std::move(serverIds);
    return rule;
}

Rule exclude(std::optional<Kinds> which = {}, std::optional<Ids> vmIds = {},
             std::optional<Ids> serverIds = {}) {
    Rule rule = include(which, std::move(vmIds), std::move(serverIds));
    rule.include = false;
    return rule;
}

Subscription of(std::initializer_list<Rule> rules) {
    Subscription subscription;
    for (const auto& rule : rules) subscription.add(rule);
    return subscription;
}

bool wantsVm(const Subscription& subscription, VmId id, EventKind kind = vmStatusChanged) {
    const VmIdentity identity = vm(id);
    return subscription.wants({kind, &identity, false}, self);
}
bool wantsServer(const Subscription& subscription, EventKind kind = serverStatusChanged) {
    return subscription.wants({kind, nullptr, true}, self);
}
bool wantsUntied(const Subscription& subscription, EventKind kind = progress) {
    return subscription.wants({kind, nullptr, false}, self);
}

}  // namespace

TEST_CASE("without a rule nothing is wanted") {
    CHECK_FALSE(wantsVm({}, 1));
    CHECK_FALSE(wantsServer({}));
    CHECK_FALSE(wantsUntied({}));
}

TEST_CASE("a rule with neither list matches everything") {
    const auto all = of({include()});
    CHECK(wantsVm(all, 1));
    CHECK(wantsVm(all, 1, vmMetricsUpdate));
    CHECK(wantsVm(all, 1, alert));
    CHECK(wantsServer(all));
    CHECK(wantsUntied(all));
}

TEST_CASE("a rule takes the events that it names alone") {
    const auto metrics = of({include(kinds({vmMetricsUpdate}))});
    CHECK(wantsVm(metrics, 1, vmMetricsUpdate));
    CHECK_FALSE(wantsVm(metrics, 1, vmStatusChanged));
    CHECK_FALSE(wantsVm(metrics, 1, vmDeleted));
    CHECK_FALSE(wantsServer(metrics, serverMetricsUpdate));
}

TEST_CASE("a rule whose events are all unknown matches nothing") {
    const auto none = of({include(Kinds())});
    CHECK_FALSE(wantsVm(none, 1));
    CHECK_FALSE(wantsServer(none));
    CHECK_FALSE(none.covers(vm(1), self));
}

TEST_CASE("events of VMs go by vm_ids") {
    const auto two = of({include({}, Ids{3, 1})});
    CHECK(wantsVm(two, 1));
    CHECK_FALSE(wantsVm(two, 2));
    CHECK(wantsVm(two, 3));
    CHECK(wantsVm(two, 3, alert));
    CHECK_FALSE(wantsServer(two));
    CHECK_FALSE(wantsUntied(two));
}

TEST_CASE("events of VMs go by server_ids where no vm_ids are given") {
    CHECK(wantsVm(of({include({}, {}, Ids{self})}), 1));
    CHECK_FALSE(wantsVm(of({include({}, {}, Ids{8})}), 1));
    CHECK_FALSE(wantsVm(of({include({}, Ids{2}, Ids{self})}), 1));
    CHECK(wantsVm(of({include({}, Ids{1}, Ids{8})}), 1));
}

TEST_CASE("events of the server go by server_ids") {
    CHECK(wantsServer(of({include({}, {}, Ids{self})})));
    CHECK_FALSE(wantsServer(of({include({}, {}, Ids{8})})));
    CHECK(wantsServer(of({include({}, Ids{1}, Ids{self})})));
    CHECK_FALSE(wantsServer(of({include({}, Ids{1})})));
}

TEST_CASE("a server whose id is not known yet is named by no list") {
    const auto rule = of({include({}, {}, Ids{self})});
    const VmIdentity identity = vm(1);
    CHECK_FALSE(rule.wants({serverStatusChanged, nullptr, true}, std::nullopt));
    CHECK_FALSE(rule.wants({vmStatusChanged, &identity, false}, std::nullopt));
    CHECK(of({include()}).wants({serverStatusChanged, nullptr, true}, std::nullopt));
}

TEST_CASE("events tied to neither match rules without ids alone") {
    CHECK(wantsUntied(of({include(kinds({progress}))})));
    CHECK_FALSE(wantsUntied(of({include({}, Ids{1})})));
    CHECK_FALSE(wantsUntied(of({include({}, {}, Ids{self})})));
    CHECK_FALSE(wantsUntied(of({include({}, Ids{}, Ids{})})));
}

TEST_CASE("a list that is present and empty matches nothing") {
    const auto noVms = of({include({}, Ids{})});
    CHECK_FALSE(wantsVm(noVms, 1));
    CHECK_FALSE(wantsServer(noVms));
    CHECK_FALSE(wantsUntied(noVms));
    const auto noServers = of({include({}, {}, Ids{})});
    CHECK_FALSE(wantsVm(noServers, 1));
    CHECK_FALSE(wantsServer(noServers));
    const auto serverWithoutVms = of({include({}, Ids{}, Ids{self})});
    CHECK_FALSE(wantsVm(serverWithoutVms, 1));
    CHECK(wantsServer(serverWithoutVms));
}

TEST_CASE("a rule bound to a UUID matches that VM under any id and name") {
    Rule rule;
    rule.boundTo = uuid(1);
    const auto bound = of({rule});
    const VmIdentity renamed{99, uuid(1), "other", false};
    CHECK(bound.wants({vmStatusChanged, &renamed, false}, self));
    CHECK(wantsVm(bound, 1));
    CHECK_FALSE(wantsVm(bound, 2));
    CHECK_FALSE(wantsServer(bound));
    CHECK_FALSE(wantsUntied(bound));
}

TEST_CASE("a rule for this server matches it before its id is known, and none of its VMs") {
    Rule rule;
    rule.vmIds.emplace();
    rule.ownServer = true;
    const auto own = of({rule});
    CHECK(own.wants({serverRegistered, nullptr, true}, std::nullopt));
    CHECK(wantsServer(own));
    CHECK_FALSE(wantsVm(own, 1));
    CHECK_FALSE(wantsUntied(own));
}

TEST_CASE("the last rule that matches decides") {
    const auto rules = of({include(), exclude(kinds({vmMetricsUpdate})), include({}, Ids{1})});
    CHECK(wantsVm(rules, 1, vmMetricsUpdate));
    CHECK_FALSE(wantsVm(rules, 2, vmMetricsUpdate));
    CHECK(wantsVm(rules, 2, vmStatusChanged));
}

TEST_CASE("a rule that does not match does not decide") {
    CHECK(wantsVm(of({include({}, Ids{1}), exclude({}, Ids{2})}), 1));
    CHECK_FALSE(wantsVm(of({include(), exclude({}, Ids{2})}), 2));
}

TEST_CASE("vm_status_changed brings created, updated and deleted along, in and out") {
    const auto status = of({include(kinds({vmStatusChanged}))});
    for (const auto kind : {vmCreated, vmUpdated, vmDeleted}) CHECK(wantsVm(status, 1, kind));
    CHECK_FALSE(wantsVm(status, 1, vmMetricsUpdate));
    CHECK_FALSE(wantsVm(of({include(kinds({vmCreated}))}), 1, vmStatusChanged));
    const auto without = of({include(), exclude(kinds({vmStatusChanged}))});
    CHECK_FALSE(wantsVm(without, 1, vmDeleted));
    CHECK(wantsVm(without, 1, vmMetricsUpdate));
}

TEST_CASE("server_status_changed brings registered and removed along") {
    const auto status = of({include(kinds({serverStatusChanged}))});
    CHECK(wantsServer(status, serverRegistered));
    CHECK(wantsServer(status, serverRemoved));
    CHECK_FALSE(wantsServer(status, serverMetricsUpdate));
    CHECK_FALSE(wantsVm(status, 1));
}

TEST_CASE("a rule with the same id takes the place of the former one") {
    auto rules = of({include({}, Ids{1}, {}, "mine"), include({}, Ids{2}, {}, "other")});
    rules.add(include({}, Ids{3}, {}, "mine"));
    REQUIRE(rules.rules().size() == 2);
    CHECK(rules.rules()[0].id == "other");
    CHECK(rules.rules()[1].id == "mine");
    CHECK_FALSE(wantsVm(rules, 1));
    CHECK(wantsVm(rules, 3));
}

TEST_CASE("rules without an id do not replace each other") {
    CHECK(of({include({}, Ids{1}), include({}, Ids{2})}).rules().size() == 2);
}

TEST_CASE("a rule can be removed by its id, and by no other") {
    auto rules = of({include({}, Ids{1}, {}, "mine"), include({}, Ids{2})});
    CHECK_FALSE(rules.remove("another"));
    CHECK(rules.remove("mine"));
    CHECK_FALSE(rules.remove("mine"));
    CHECK_FALSE(wantsVm(rules, 1));
    CHECK(wantsVm(rules, 2));
}

TEST_CASE("a rule that a later one covers wholly is removed") {
    CHECK(of({include({}, Ids{1}), include()}).rules().size() == 1);
    CHECK(of({include({}, Ids{1}), exclude()}).rules().empty());
    CHECK(of({include({}, Ids{1, 2}), include({}, Ids{1, 2, 3})}).rules().size() == 1);
    CHECK(of({include(kinds({vmCreated}), Ids{1}), include(kinds({vmStatusChanged}), Ids{1})})
              .rules()
              .size() == 1);
    CHECK(of({include({}, {}, Ids{self}), include({}, {}, Ids{self})}).rules().size() == 1);
}

TEST_CASE("a rule that a later one covers in part stays") {
    CHECK(of({include({}, Ids{1, 2}), include({}, Ids{2, 3})}).rules().size() == 2);
    CHECK(of({include(), include({}, Ids{1})}).rules().size() == 2);
    CHECK(of({include(kinds({vmStatusChanged})), exclude(kinds({vmCreated}))}).rules().size() == 2);
    CHECK(of({include({}, Ids{1}, Ids{self}), include({}, Ids{1})}).rules().size() == 2);
    CHECK(of({include({}, {}, Ids{self}), include({}, Ids{1})}).rules().size() == 2);
    CHECK(of({include(), exclude({}, Ids{})}).rules().size() == 2);
}

TEST_CASE("a rule bound to a VM is not covered by lists of ids, but by a rule for all") {
    Rule bound;
    bound.boundTo = uuid(1);
    CHECK(of({bound, include({}, Ids{1})}).rules().size() == 2);
    CHECK(of({include({}, Ids{1}), bound}).rules().size() == 2);
    CHECK(of({bound, bound}).rules().size() == 1);
    CHECK(of({bound, include()}).rules().size() == 1);
    Rule own;
    own.vmIds.emplace();
    own.ownServer = true;
    CHECK(of({own, include({}, Ids{}, Ids{})}).rules().size() == 2);
    CHECK(of({include({}, Ids{}), own}).rules().size() == 2);
}

TEST_CASE("an exclusion before any rule leaves no rule behind") {
    CHECK(of({exclude()}).rules().empty());
    CHECK(of({include(), exclude(), exclude({}, Ids{1})}).rules().empty());
    CHECK(of({include(), exclude({}, Ids{1})}).rules().size() == 2);
}

TEST_CASE("unsubscribing from everything ends everything") {
    const auto none = of({include(), include({}, Ids{1}), exclude()});
    CHECK_FALSE(wantsVm(none, 1));
    CHECK_FALSE(wantsServer(none));
    CHECK_FALSE(wantsUntied(none));
}

TEST_CASE("ids may come in any order and more than once") {
    const auto rules = of({include({}, Ids{3, 1, 3, 2, 1})});
    CHECK(rules.rules().front().vmIds == Ids{1, 2, 3});
    CHECK(wantsVm(rules, 2));
}

TEST_CASE("a VM is covered if any event of it is wanted") {
    CHECK(of({include(kinds({vmMetricsUpdate}), Ids{1})}).covers(vm(1), self));
    CHECK_FALSE(of({include(kinds({vmMetricsUpdate}), Ids{1})}).covers(vm(2), self));
    CHECK_FALSE(of({include(kinds({serverMetricsUpdate, alert}))}).covers(vm(1), self));
    CHECK_FALSE(of({include(), exclude({}, Ids{1})}).covers(vm(1), self));
    CHECK(of({include(), exclude(kinds({vmStatusChanged}))}).covers(vm(1), self));
    CHECK_FALSE(
        of({include(kinds({vmCreated})), exclude(kinds({vmStatusChanged}))}).covers(vm(1), self));
}

TEST_CASE("which kinds of a VM's events are wanted is told rule by rule, the last one first") {
    const auto rules = of({include(kinds({vmStatusChanged})), exclude(kinds({vmUpdated}), Ids{1}),
                           include(kinds({vmMetricsUpdate}), Ids{1})});
    CHECK(rules.kindsOf(vm(1), self) ==
          kinds({vmStatusChanged, vmCreated, vmDeleted, vmMetricsUpdate}));
    CHECK(rules.kindsOf(vm(2), self) == kinds({vmStatusChanged, vmCreated, vmUpdated, vmDeleted}));
}

TEST_CASE("every event has the topic of what it is tied to") {
    using namespace rollo::proto;
    const auto ofVm = [](const Event& event) {
        const Topic topic = topicOf(event);
        CHECK(topic.kind == kindOf(event));
        return topic.vm && topic.vm->id == 5 && !topic.server;
    };
    CHECK(ofVm(VmStatusChanged{vm(5), {}, {}, {}, {}, {}}));
    CHECK(ofVm(VmCreated{vmInfo(vm(5))}));
    CHECK(ofVm(VmUpdated{vmInfo(vm(5)), {}, vm(6)}));
    CHECK(ofVm(VmDeleted{vm(5), {}}));
    CHECK(ofVm(VmMetricsUpdate{vm(5), {}}));
    for (const Event& event : std::vector<Event>{ServerStatusChanged{}, ServerRegistered{},
                                                 ServerRemoved{}, ServerMetricsUpdate{}, Alert{}}) {
        const Topic topic = topicOf(event);
        CHECK(topic.kind == kindOf(event));
        CHECK(topic.server);
        CHECK_FALSE(topic.vm);
    }
    Alert ofOne;
    ofOne.vm = vm(5);
    CHECK(topicOf(ofOne).vm->id == 5);
    CHECK_FALSE(topicOf(ofOne).server);
}

TEST_CASE("copies share their rules until one of them changes") {
    Subscription one;
    one.add(include(kinds({vmCreated}), Ids{1, 2}, {}, "a"));
    Subscription other = one;
    CHECK(&other.rules() == &one.rules());
    CHECK_FALSE(other.remove("b"));
    CHECK(&other.rules() == &one.rules());
    other.add(include(kinds({vmDeleted})));
    CHECK(one.rules().size() == 1);
    CHECK(other.rules().size() == 2);
    CHECK(other.remove("a"));
    CHECK(one.rules().front().id == "a");
    CHECK(one != other);
}

TEST_CASE("kinds are listed in the words of the wire") {
    CHECK(kinds({alert, vmCreated}).wireNames() == std::vector<std::string>{"vm_created", "alert"});
    CHECK(Kinds::all().wireNames().size() == rollo::proto::eventKinds);
    CHECK(Kinds().wireNames().empty());
}
