// SPDX-License-Identifier: Apache-2.0
#include "agent/core/snapshot.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/fakes/examples.hpp"
#include "tests/fakes/wire.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using rollo::proto::EventKind;
using rollo::proto::SnapshotReason;
using Ids = std::vector<std::int64_t>;

namespace {

struct Bench {
    Hub hub{"0123456789abcdef"};
    HostState state;

    Bench() {
        hub.setServerId(7);
        state.server.id = 7;
        state.server.hostname = "host";
        state.server.agentVersion = "0.1.0";
        for (const int id : {3, 1, 2}) {
            Vm known;
            known.info = vmInfo(vm(id));
            state.vms.emplace(uuid(static_cast<unsigned char>(id)), known);
        }
    }
    void alert(const std::string& id, std::optional<rollo::proto::VmIdentity> about) {
        rollo::proto::Alert firing;
        firing.id = id;
        firing.type = "vm_id_conflict";
        firing.severity = rollo::proto::Severity::warning;
        firing.title = firing.message = "…";
        firing.vm = std::move(about);
        firing.serverId = 7;
        firing.firstSeen = firing.lastSeen = at().wall;
        state.alerts[id] = firing;
    }
    void operation(const std::string& id, std::optional<rollo::proto::VmIdentity> about) {
        rollo::proto::Progress progress;
        progress.operationId = id;
        progress.operationType = "save";
        progress.percent = 57;
        progress.vm = std::move(about);
        state.operations[id] = progress;
    }
    Message take(const Subscription& wanted, const Subscription* told = nullptr,
                 const Principal& principal = Principal::anonymous(), bool history = false) const {
        const auto frames = takeSnapshot(state, hub, principal, wanted, told,
                                         SnapshotReason::subscribed, history, at());
        REQUIRE(frames.size() == 1);
        return Message(frames.front());
    }
};

Subscription of(std::initializer_list<Rule> rules) {
    Subscription subscription;
    for (const auto& rule : rules) subscription.add(rule);
    return subscription;
}

Rule only(std::initializer_list<EventKind> list, std::optional<Ids> vmIds = {}) {
    Rule rule;
    rule.kinds.emplace();
    for (const auto kind : list) rule.kinds->add(kind);
    rule.vmIds = std::move(vmIds);
    return rule;
}

Ids idsIn(const Message& snapshot) {
    Ids ids;
    for (std::size_t i = 0; i < snapshot.size("data.vms"); ++i)
        ids.push_back(snapshot.integer(fmt::format("data.vms[{}].id", i)));
    return ids;
}

Principal scoped(std::vector<VmScope> vms) {
    Principal principal = Principal::anonymous();
    principal.vms = std::move(vms);
    return principal;
}

}  // namespace

TEST_CASE("a snapshot has every VM that is wanted, by id, and the server") {
    const Message all = Bench().take(of({Rule()}));
    CHECK(idsIn(all) == Ids{1, 2, 3});
    CHECK(all.text("data.server.hostname") == "host");
    CHECK(all.isNull("data.server.metrics"));
    CHECK(all.text("data.epoch") == "0123456789abcdef");
    CHECK(all.text("data.reason") == "subscribed");
}

TEST_CASE("a snapshot has only what is wanted") {
    Bench bench;
    CHECK(idsIn(bench.take(of({{.vmIds = Ids{2, 9}}}))) == Ids{2});
    CHECK(idsIn(bench.take({})).empty());
    const Message metrics = bench.take(of({only({EventKind::vmMetricsUpdate}, Ids{1})}));
    CHECK(idsIn(metrics) == Ids{1});
    CHECK(metrics.isNull("data.server"));
    CHECK(idsIn(bench.take(of({only({EventKind::alert})}))).empty());
}

TEST_CASE("a snapshot has only what may be seen") {
    Bench bench;
    bench.alert("a-server", {});
    bench.alert("b-one", vm(1));
    bench.alert("c-two", vm(2));
    const Message one = bench.take(of({Rule()}), nullptr, scoped({uuid(1)}));
    CHECK(idsIn(one) == Ids{1});
    CHECK(one.isNull("data.server"));
    REQUIRE(one.size("data.alerts") == 1);
    CHECK(one.text("data.alerts[0].alert_id") == "b-one");
    CHECK(bench.take(of({Rule()})).size("data.alerts") == 3);
}

TEST_CASE("a snapshot shows the server to whoever wants its status or its metrics") {
    Bench bench;
    for (const auto kind : {EventKind::serverStatusChanged, EventKind::serverMetricsUpdate})
        CHECK_FALSE(bench.take(of({only({kind})})).isNull("data.server"));
    CHECK(bench.take(of({only({EventKind::vmStatusChanged})})).isNull("data.server"));
    CHECK(bench.take(of({{.serverIds = Ids{8}}})).isNull("data.server"));
    CHECK_FALSE(bench.take(of({{.serverIds = Ids{7}}})).isNull("data.server"));
    bench.state.serverMetrics.emplace();
    CHECK_FALSE(bench.take(of({Rule()})).isNull("data.server.metrics"));
}

TEST_CASE("what has been told is left out") {
    Bench bench;
    bench.alert("one", vm(1));
    const auto one = of({{.vmIds = Ids{1}}});
    const Message rest = bench.take(of({Rule()}), &one);
    CHECK(idsIn(rest) == Ids{2, 3});
    CHECK(rest.size("data.alerts") == 0);
    const auto none = Subscription();
    CHECK(idsIn(bench.take(of({Rule()}), &none)) == Ids{1, 2, 3});
}

TEST_CASE("a VM of which more is wanted than has been told is new") {
    Bench bench;
    const auto metrics = of({only({EventKind::vmMetricsUpdate})});
    CHECK(idsIn(bench.take(
              of({only({EventKind::vmStatusChanged}, Ids{1}), only({EventKind::vmMetricsUpdate})}),
              &metrics)) == Ids{1});
}

TEST_CASE("operations under way are in the snapshot of who wants and may hear of them") {
    Bench bench;
    bench.operation("of-2", vm(2));
    bench.operation("untied", std::nullopt);
    const auto all = bench.take(of({Rule()}));
    REQUIRE(all.size("data.operations") == 2);
    CHECK(all.text("data.operations[0].operation_id") == "of-2");
    CHECK(all.number("data.operations[0].progress_percent") == 57);
    CHECK_FALSE(all.has("data.operations[0].timestamp"));
    const auto two = bench.take(of({Rule()}), nullptr, scoped({uuid(2)}));
    REQUIRE(two.size("data.operations") == 1);
    CHECK(two.text("data.operations[0].operation_id") == "of-2");
    CHECK(bench.take(of({Rule()}), nullptr, scoped({uuid(1)})).size("data.operations") == 0);
    CHECK(bench.take(of({only({EventKind::progress}, Ids{2})})).size("data.operations") == 1);
    CHECK(bench.take(of({only({EventKind::alert})})).size("data.operations") == 0);
    const auto told = of({only({EventKind::progress}, Ids{2})});
    const auto rest = bench.take(of({Rule()}), &told);
    REQUIRE(rest.size("data.operations") == 1);
    CHECK(rest.text("data.operations[0].operation_id") == "untied");
}

TEST_CASE("the history of what is in a snapshot stands beside it, where it was asked for") {
    Bench bench;
    const rollo::proto::HistoryRow row{1, 2, 3, 4, 5, 6};
    const auto slot = bench.state.timeline.open(at().mono);
    for (const int id : {1, 2}) bench.state.vms.at(uuid(id)).history.put(*slot, row);
    bench.state.serverHistory.put(*slot, row);
    CHECK_FALSE(bench.take(of({Rule()})).has("data.history"));
    const Message all = bench.take(of({Rule()}), nullptr, Principal::anonymous(), true);
    CHECK(all.size("data.history.offsets_ms") == 1);
    CHECK(all.size("data.history.vms") == 2);
    CHECK(all.integer("data.history.vms[1].id") == 2);
    CHECK(all.number("data.history.vms[1].memory_used_mb[0]") == 2);
    CHECK(all.number("data.history.server.memory_used_gb[0]") == 2);
    const Message one = bench.take(of({Rule()}), nullptr, scoped({uuid(1)}), true);
    REQUIRE(one.size("data.history.vms") == 1);
    CHECK(one.integer("data.history.vms[0].id") == 1);
    CHECK(one.isNull("data.history.server"));
}
