// SPDX-License-Identifier: Apache-2.0
#include "agent/core/hub.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "tests/fakes/examples.hpp"
#include "tests/fakes/fake_subscriber.hpp"
#include "tests/fakes/lines.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace rollo::proto;
using Ids = std::vector<std::int64_t>;
using Lines = std::vector<std::string>;

namespace {

constexpr auto epoch = "0123456789abcdef";

Event deleted(VmId id) {
    return VmDeleted{vm(id), "undefined"};
}
Event metrics(VmId id) {
    return VmMetricsUpdate{vm(id), {}};
}
Event progress(std::string id, double percent, ProgressStatus status = ProgressStatus::inProgress) {
    Progress made;
    made.operationId = std::move(id);
    made.operationType = "save";
    made.percent = percent;
    made.status = status;
    made.vm = vm(1);
    return made;
}
Event renamed(VmId id, std::string from, std::string to) {
    return VmUpdated{vmInfo(vm(id, std::move(to))), {"name"}, vm(id, std::move(from))};
}

Subscription everything() {
    Subscription subscription;
    subscription.add({});
    return subscription;
}
Subscription vmIds(std::vector<VmId> ids) {
    Rule rule;
    rule.vmIds = std::move(ids);
    Subscription subscription;
    subscription.add(rule);
    return subscription;
}
Subscription boundTo(const Uuid& uuid) {
    Rule rule;
    rule.boundTo = uuid;
    Subscription subscription;
    subscription.add(rule);
    return subscription;
}

Principal scoped(std::vector<VmScope> vms) {
    Principal principal = Principal::anonymous();
    principal.vms = std::move(vms);
    return principal;
}

/// A connection with a place in the hub.
struct Ear {
    explicit Ear(Hub& in, const Subscription& subscription = everything(),
                 const Principal& principal = Principal::anonymous())
        : hub(in) {
        hub.join(member, subscription, principal);
    }
    ~Ear() { hub.leave(member); }
    Ear(const Ear&) = delete;
    Ear& operator=(const Ear&) = delete;

    Lines lines() { return subscriber.takeLines(); }

    Hub& hub;
    FakeSubscriber subscriber;
    Hub::Member member{subscriber};
};

struct Bench {
    Hub hub{epoch};

    explicit Bench(Hub::Settings settings = {}) : hub(epoch, settings) { hub.setServerId(7); }
    void publish(const Event& event) { hub.publish(event, at()); }
    std::optional<Lines> replay(Seq from, const Principal& principal = Principal::anonymous(),
                                const Subscription& subscription = everything()) {
        const auto frames = hub.replay({epoch, from}, subscription, principal);
        if (!frames) return std::nullopt;
        Lines lines;
        for (const auto& frame : *frames) lines.push_back(line(Message(frame)));
        return lines;
    }
};

}  // namespace

// --- numbers and frames --------------------------------------------------------------------------

TEST_CASE("a room has the rules that its members have in common") {
    Hub hub("0123456789abcdef");
    Ear one(hub, vmIds({1, 2}));
    Ear other(hub, vmIds({1, 2}));
    CHECK(&hub.rules(one.member) == &hub.rules(other.member));
    CHECK(hub.rules(one.member) == vmIds({1, 2}));
}

TEST_CASE("ordered events are numbered from 1 without a hole, whoever listens") {
    Bench bench;
    CHECK(bench.hub.seq() == 0);
    bench.publish(deleted(1));
    Ear ear(bench.hub);
    bench.publish(deleted(2));
    bench.publish(metrics(3));
    bench.publish(deleted(3));
    const auto messages = ear.subscriber.take();
    REQUIRE(messages.size() == 3);
    CHECK(messages[0].integer("seq") == 2);
    CHECK_FALSE(messages[1].has("seq"));
    CHECK(messages[2].integer("seq") == 3);
    CHECK(bench.hub.seq() == 3);
    CHECK(bench.hub.epoch() == epoch);
}

TEST_CASE("an event is encoded once, whatever the number of listeners and of rooms") {
    Bench bench;
    Ear one(bench.hub);
    Ear two(bench.hub);
    Ear narrow(bench.hub, vmIds({1}));
    Ear other(bench.hub, everything(), scoped({uuid(1)}));
    for (const Event& event : {deleted(1), metrics(1)}) {
        bench.publish(event);
        const Frame frame = one.subscriber.takeSent().front().frame;
        CHECK(two.subscriber.takeSent().front().frame == frame);
        CHECK(narrow.subscriber.takeSent().front().frame == frame);
        CHECK(other.subscriber.takeSent().front().frame == frame);
    }
    CHECK(bench.hub.delivered() == 8);
}

TEST_CASE("what is replayed is the frame that was sent") {
    Bench bench;
    Ear ear(bench.hub);
    bench.publish(deleted(1));
    const auto replayed = bench.hub.replay({epoch, 0}, everything(), Principal::anonymous());
    REQUIRE(replayed->size() == 1);
    CHECK(replayed->front() == ear.subscriber.takeSent().front().frame);
}

TEST_CASE("a conflatable event names its entity, is not numbered and not replayed") {
    Bench bench;
    Ear ear(bench.hub);
    bench.publish(metrics(5));
    bench.publish(ServerMetricsUpdate{7, "host", {}});
    const auto sent = ear.subscriber.takeSent();
    REQUIRE(sent.size() == 2);
    CHECK(sent[0].way == FakeSubscriber::Way::latest);
    CHECK(sent[0].key == 5);
    CHECK(sent[1].way == FakeSubscriber::Way::latest);
    CHECK(sent[1].key != sent[0].key);
    CHECK(bench.hub.seq() == 0);
    CHECK(bench.replay(0) == Lines{});
}

TEST_CASE("a member has heard something ordered only after that was sent to it") {
    Bench bench;
    Ear ear(bench.hub, vmIds({1}));
    bench.publish(metrics(1));
    bench.publish(deleted(2));
    CHECK_FALSE(bench.hub.hasHeardOrdered(ear.member));
    bench.publish(deleted(1));
    CHECK(bench.hub.hasHeardOrdered(ear.member));
    Ear late(bench.hub, vmIds({1}));
    CHECK_FALSE(bench.hub.hasHeardOrdered(late.member));
    bench.hub.join(ear.member, vmIds({3}), Principal::anonymous());
    CHECK(bench.hub.hasHeardOrdered(ear.member));
}

TEST_CASE("conflatable events of a batch leave together, in their order; ordered ones at once") {
    Bench bench;
    Ear all(bench.hub);
    Ear second(bench.hub, vmIds({2}));
    {
        const Hub::Batch batch(bench.hub);
        bench.publish(metrics(1));
        bench.publish(metrics(2));
        CHECK(all.lines().empty());
        bench.publish(deleted(1));
        CHECK(all.lines() == Lines{"deleted vm1#1 (undefined)"});
        Ear(bench.hub, vmIds({1}));
    }
    CHECK(all.lines() == Lines{"metrics vm1", "metrics vm2"});
    CHECK(second.subscriber.takeSent().size() == 1);
    bench.publish(metrics(2));
    CHECK(second.subscriber.takeSent().size() == 1);
}

TEST_CASE("the end of an operation takes back what of it still waits, and nothing else") {
    Bench bench;
    Ear ear(bench.hub);
    Ear blind(bench.hub, everything(), scoped({uuid(2)}));
    {
        const Hub::Batch batch(bench.hub);
        bench.publish(progress("one", 57));
        bench.publish(progress("other", 20));
        bench.publish(metrics(1));
        bench.publish(progress("one", 100, ProgressStatus::completed));
    }
    CHECK(ear.lines() ==
          Lines{"progress one 100 completed", "progress other 20 in_progress", "metrics vm1"});
    CHECK(blind.lines().empty());
    bench.publish(progress("other", 57));
    const auto key = ear.subscriber.takeSent().front().key;
    ear.subscriber.takeDropped();
    auto begins = progress("other", 0);
    std::get<Progress>(begins).begins = true;
    bench.publish(begins);
    bench.publish(deleted(1));
    CHECK(ear.subscriber.takeDropped().empty());
    for (const auto status : {ProgressStatus::failed, ProgressStatus::cancelled}) {
        bench.publish(progress("other", 57, status));
        CHECK(ear.subscriber.takeDropped() == std::vector<std::uint64_t>{key});
    }
}

// --- rooms ---------------------------------------------------------------------------------------

TEST_CASE("members with the same rules and rights share a room") {
    Bench bench;
    {
        Ear one(bench.hub);
        Ear two(bench.hub);
        CHECK(bench.hub.rooms() == 1);
        Ear narrow(bench.hub, vmIds({1}));
        Ear named(bench.hub, everything(), scoped({std::string("vm1")}));
        CHECK(bench.hub.rooms() == 3);
    }
    CHECK(bench.hub.rooms() == 0);
}

TEST_CASE("members with different rights never share a room") {
    Bench bench;
    std::vector<std::unique_ptr<Ear>> ears;
    const auto enter = [&](const Principal& principal) {
        ears.push_back(std::make_unique<Ear>(bench.hub, everything(), principal));
    };
    Principal viewer = Principal::anonymous();
    viewer.permissions = {};
    viewer.permissions.add(Permission::vmView);
    enter(Principal::anonymous());
    enter(viewer);
    enter(scoped({}));
    enter(scoped({VmId{1}}));
    enter(scoped({std::string("1")}));
    enter(scoped({std::string("i1")}));
    enter(scoped({std::string("1"), std::string("2")}));
    enter(scoped({std::string("1|n1:2")}));
    enter(scoped({std::string("1|n2")}));
    enter(scoped({uuid(1)}));
    enter(scoped({uuid(1).toString()}));
    CHECK(bench.hub.rooms() == ears.size());
}

TEST_CASE("members with different rules never share a room") {
    Bench bench;
    std::vector<std::unique_ptr<Ear>> ears;
    const auto enter = [&](const Rule& rule, std::optional<Rule> later = {}) {
        Subscription subscription;
        subscription.add(rule);
        if (later) subscription.add(*later);
        ears.push_back(std::make_unique<Ear>(bench.hub, subscription));
    };
    Kinds alerts;
    alerts.add(EventKind::alert);
    Rule excluding;
    excluding.include = false;
    excluding.vmIds = Ids{1};
    Rule own;
    own.vmIds.emplace();
    own.ownServer = true;
    enter({});
    enter({.kinds = alerts});
    enter({.kinds = Kinds()});
    enter({.vmIds = Ids{}});
    enter({.vmIds = Ids{1}});
    enter({.vmIds = Ids{12}});
    enter({.vmIds = Ids{1, 2}});
    enter({.serverIds = Ids{}});
    enter({.serverIds = Ids{1}});
    enter({.vmIds = Ids{}, .serverIds = Ids{}});
    enter({.boundTo = uuid(1)});
    enter({}, excluding);
    enter(own);
    CHECK(bench.hub.rooms() == ears.size());
}

TEST_CASE("a rule's name makes no room of its own") {
    Bench bench;
    Ear one(bench.hub);
    Subscription named;
    named.add({.id = "mine"});
    Ear two(bench.hub, named);
    CHECK(bench.hub.rooms() == 1);
}

TEST_CASE("who joins again hears by the new rules alone") {
    Bench bench;
    Ear ear(bench.hub, vmIds({1}));
    bench.hub.join(ear.member, vmIds({2}), Principal::anonymous());
    CHECK(bench.hub.rooms() == 1);
    bench.publish(deleted(1));
    bench.publish(deleted(2));
    CHECK(ear.lines() == Lines{"deleted vm2#2 (undefined)"});
}

TEST_CASE("who has left hears nothing, and the others go on") {
    Bench bench;
    Ear first(bench.hub);
    auto second = std::make_unique<Ear>(bench.hub);
    Ear third(bench.hub);
    second.reset();
    bench.hub.leave(first.member);
    bench.hub.leave(first.member);
    bench.publish(deleted(1));
    CHECK(first.lines().empty());
    CHECK(third.lines().size() == 1);
}

TEST_CASE("members may leave in any order") {
    Bench bench;
    Ear first(bench.hub);
    Ear second(bench.hub);
    Ear third(bench.hub);
    bench.hub.leave(first.member);
    bench.hub.leave(third.member);
    bench.publish(deleted(1));
    CHECK(first.lines().empty());
    CHECK(third.lines().empty());
    CHECK(second.lines().size() == 1);
}

TEST_CASE("an event finds the rooms that name its VM, once each") {
    Bench bench;
    Ear byId(bench.hub, vmIds({1, 2}));
    Ear byUuid(bench.hub, boundTo(uuid(1)));
    Ear other(bench.hub, vmIds({3}));
    Subscription twice = vmIds({1});
    twice.add({.vmIds = Ids{1, 9}, .serverIds = Ids{}});
    twice.add({.boundTo = uuid(1)});
    Ear manyRules(bench.hub, twice);
    bench.publish(deleted(1));
    CHECK(byId.lines().size() == 1);
    CHECK(byUuid.lines().size() == 1);
    CHECK(other.lines().empty());
    CHECK(manyRules.lines().size() == 1);
    bench.publish(deleted(2));
    CHECK(byId.lines().size() == 1);
    CHECK(byUuid.lines().empty());
    bench.publish(deleted(9));
    CHECK(manyRules.lines().size() == 1);
}

TEST_CASE("a narrow room is forgotten with its last member") {
    Bench bench;
    {
        Ear byId(bench.hub, vmIds({1, 2, 3}));
        Ear byUuid(bench.hub, boundTo(uuid(1)));
    }
    CHECK(bench.hub.rooms() == 0);
    bench.publish(deleted(1));
    Ear again(bench.hub, vmIds({1}));
    bench.publish(deleted(1));
    CHECK(again.lines().size() == 1);
}

TEST_CASE("a room that names VMs and the server hears of both") {
    Bench bench;
    Subscription both;
    both.add({.vmIds = Ids{1}, .serverIds = Ids{7}});
    Ear ear(bench.hub, both);
    Rule own;
    own.vmIds.emplace();
    own.ownServer = true;
    Subscription server;
    server.add(own);
    Ear ownServer(bench.hub, server);
    bench.publish(deleted(1));
    bench.publish(deleted(2));
    bench.publish(ServerRemoved{7, "host"});
    CHECK(ear.lines() == Lines{"deleted vm1#1 (undefined)", "server_removed"});
    CHECK(ownServer.lines() == Lines{"server_removed"});
}

TEST_CASE("a rule by server_ids begins to match when the server's id is known") {
    Hub hub(epoch);
    Subscription server;
    server.add({.serverIds = Ids{7}});
    Ear ear(hub, server);
    hub.publish(deleted(1), at());
    CHECK(ear.lines().empty());
    hub.setServerId(7);
    hub.publish(deleted(1), at());
    CHECK(ear.lines().size() == 1);
}

// --- who may hear --------------------------------------------------------------------------------

TEST_CASE("rights are looked at again at every delivery") {
    Bench bench;
    Ear web(bench.hub, everything(), scoped({std::string("web")}));
    bench.publish(VmDeleted{vm(1, "web"), "undefined"});
    bench.publish(VmDeleted{vm(2, "db"), "undefined"});
    bench.publish(VmMetricsUpdate{vm(2, "db"), {}});
    bench.publish(ServerRemoved{7, "host"});
    Alert alert;
    alert.severity = rollo::proto::Severity::info;
    bench.publish(alert);
    CHECK(web.lines() == Lines{"deleted web#1 (undefined)"});
    CHECK(bench.replay(0, scoped({std::string("web")})) == Lines{"deleted web#1 (undefined)"});
}

TEST_CASE("a scope by integer does not show a VM whose id the agent allotted") {
    Bench bench;
    Ear ear(bench.hub, everything(), scoped({VmId{5}}));
    bench.publish(VmDeleted{vm(5, "web", false), "undefined"});
    CHECK(ear.lines().empty());
    bench.publish(VmDeleted{vm(5, "web", true), "undefined"});
    CHECK(ear.lines().size() == 1);
}

TEST_CASE("a VM renamed out of sight is gone for that connection alone, with the event's number") {
    Bench bench;
    Ear all(bench.hub);
    Ear web(bench.hub, everything(), scoped({std::string("web")}));
    Ear narrow(bench.hub, vmIds({1}), scoped({std::string("web")}));
    Ear otherVm(bench.hub, vmIds({2}), scoped({std::string("web")}));
    Ear db(bench.hub, everything(), scoped({std::string("db")}));
    bench.publish(renamed(1, "web", "secret"));
    CHECK(all.lines() == Lines{"updated secret [name]"});
    const auto told = web.subscriber.take();
    REQUIRE(told.size() == 1);
    CHECK(line(told[0]) == "deleted web#1 (access_ended)");
    CHECK(told[0].integer("seq") == 1);
    CHECK(bench.hub.hasHeardOrdered(web.member));
    CHECK(narrow.lines() == Lines{"deleted web#1 (access_ended)"});
    CHECK(otherVm.lines().empty());
    CHECK(db.lines().empty());
}

TEST_CASE("a replay tells of a VM renamed out of sight in the same way") {
    Bench bench;
    bench.publish(VmCreated{vmInfo(vm(1, "web"))});
    bench.publish(renamed(1, "web", "secret"));
    bench.publish(VmDeleted{vm(1, "secret"), "undefined"});
    CHECK(bench.replay(0) ==
          Lines{"created web#1 running", "updated secret [name]", "deleted secret#1 (undefined)"});
    CHECK(bench.replay(0, scoped({std::string("web")})) ==
          Lines{"created web#1 running", "deleted web#1 (access_ended)"});
    CHECK(bench.replay(0, scoped({std::string("web")}), vmIds({2})) == Lines{});
    CHECK(bench.replay(0, scoped({std::string("secret")})) ==
          Lines{"updated secret [name]", "deleted secret#1 (undefined)"});
}

TEST_CASE("who did not ask for updates is told all the same when a VM leaves its sight") {
    Bench bench;
    Kinds only;
    only.add(EventKind::vmMetricsUpdate);
    Subscription metricsOnly;
    metricsOnly.add({.kinds = only});
    Ear ear(bench.hub, metricsOnly, scoped({std::string("web")}));
    bench.publish(renamed(1, "web", "secret"));
    CHECK(ear.lines() == Lines{"deleted web#1 (access_ended)"});
}

TEST_CASE("a rename within sight is nothing to whoever did not ask for updates") {
    Bench bench;
    Kinds only;
    only.add(EventKind::vmMetricsUpdate);
    Subscription metricsOnly;
    metricsOnly.add({.kinds = only});
    Ear ear(bench.hub, metricsOnly, scoped({uuid(1)}));
    bench.publish(renamed(1, "web", "web2"));
    CHECK(ear.lines().empty());
    CHECK(bench.replay(0, scoped({uuid(1)}), metricsOnly) == Lines{});
}

TEST_CASE("a rename within sight is an update") {
    Bench bench;
    Ear ear(bench.hub, everything(), scoped({uuid(1)}));
    bench.publish(renamed(1, "web", "web2"));
    CHECK(ear.lines() == Lines{"updated web2 [name]"});
}

TEST_CASE("an id that is the platform's no more may end the sight of it") {
    Bench bench;
    Ear ear(bench.hub, everything(), scoped({VmId{5}}));
    bench.publish(VmUpdated{vmInfo(vm(5, "web", false)), {}, vm(5, "web", true)});
    CHECK(ear.lines() == Lines{"deleted web#5 (access_ended)"});
}

// --- replay --------------------------------------------------------------------------------------

TEST_CASE("a replay has what that person would have been sent") {
    Bench bench;
    for (VmId id = 1; id <= 4; ++id) bench.publish(deleted(id));
    CHECK(bench.replay(2) == Lines{"deleted vm3#3 (undefined)", "deleted vm4#4 (undefined)"});
    CHECK(bench.replay(0, Principal::anonymous(), vmIds({2})) ==
          Lines{"deleted vm2#2 (undefined)"});
    CHECK(bench.replay(4) == Lines{});
}

TEST_CASE("there is no replay across epochs, from the future, or out of the log") {
    Bench bench({.replayEntries = 2, .replayBytes = 1 << 20});
    for (VmId id = 1; id <= 4; ++id) bench.publish(deleted(id));
    CHECK_FALSE(bench.hub.replay({"fedcba9876543210", 4}, everything(), Principal::anonymous()));
    CHECK_FALSE(bench.replay(5));
    CHECK_FALSE(bench.replay(1));
    CHECK(bench.replay(2)->size() == 2);
}

TEST_CASE("the log is bounded by bytes as well") {
    Bench bench({.replayEntries = 100, .replayBytes = 1000});
    for (VmId id = 1; id <= 50; ++id) bench.publish(deleted(id));
    CHECK_FALSE(bench.replay(0));
    CHECK(bench.replay(49)->size() == 1);
}

TEST_CASE("a replay in parts is the replay, and each part says how far it goes") {
    Bench bench;
    for (VmId id = 1; id <= 6; ++id) bench.publish(deleted(id));
    const auto whole = bench.hub.replay({epoch, 0}, vmIds({1, 2, 4}), Principal::anonymous());
    REQUIRE(whole->size() == 3);
    std::vector<Frame> joined;
    std::vector<Seq> ends;
    for (Seq from = 0; from < bench.hub.seq(); from = ends.back()) {
        const auto part = bench.hub.replayPart({epoch, from}, vmIds({1, 2, 4}),
                                               Principal::anonymous(), 2 * whole->front().size());
        REQUIRE(part);
        CHECK(part->frames.size() <= 2);
        for (const auto& frame : part->frames) joined.push_back(frame);
        ends.push_back(part->upTo);
    }
    CHECK(joined == *whole);
    CHECK(ends == std::vector<Seq>{3, 6});
    // However long a frame is, one is in it.
    CHECK(bench.hub.replayPart({epoch, 0}, everything(), Principal::anonymous(), 1)->upTo == 1);
    CHECK(bench.hub.replayPart({epoch, 6}, everything(), Principal::anonymous(), 1)->upTo == 6);
}
