// SPDX-License-Identifier: Apache-2.0
#include "agent/core/publications.hpp"

#include <doctest/doctest.h>

#include "tests/unit/core/host_bench.hpp"

using namespace rollo;
using namespace rollo::tests;
using core::Publications;
using Kind = Publications::Refusal::Kind;
using std::chrono::milliseconds;

namespace {

core::Principal everything() {
    return core::Principal::publisher();
}

core::Principal boundTo(int number) {
    core::Principal principal = everything();
    principal.vms = {domain(number).uuid};
    return principal;
}

proto::Published progress(std::string id, double percent, proto::VmNamed vm = {},
                          proto::ProgressStatus status = proto::ProgressStatus::inProgress) {
    proto::PublishedProgress published;
    published.progress.operationId = std::move(id);
    published.progress.operationType = "backup";
    published.progress.percent = percent;
    published.progress.status = status;
    published.vm = vm;
    return {"data", published};
}

proto::Published alert(std::string id, std::string entityType,
                       std::optional<std::int64_t> entityId = {}, bool firing = true) {
    proto::PublishedAlert published;
    published.alert.id = std::move(id);
    published.alert.type = "backup";
    published.alert.title = "Late";
    published.alert.firing = firing;
    published.entityType = std::move(entityType);
    published.entityId = entityId;
    return {"data", published};
}

/// A host with the VMs 1 and 2, whose ids are `first` and `second`, and somebody who hears all.
struct Bench : HostBench {
    Bench() {
        begin({stoppedVm(1), stoppedVm(2)});
        first = vm(1)->info.identity.id;
        second = vm(2)->info.identity.id;
    }
    Publications publications{host.state(), host.operations(), host.alerts()};
    proto::VmId first = 0, second = 0;

    /// Empty where all were told.
    std::optional<Publications::Refusal> publish(std::vector<proto::Published> events,
                                                 const core::Principal& who = everything()) {
        auto done = publications.publish(std::move(events), who, at(clock));
        if (done) return std::nullopt;
        return std::move(done.error());
    }
    bool refuses(const proto::Published& event, Kind kind, std::string_view field,
                 const core::Principal& who = everything()) {
        const auto refusal = publish({event}, who);
        const bool told = !heard().empty();
        return refusal && refusal->kind == kind && refusal->field == field &&
               !refusal->message.empty() && !told;
    }
};

}  // namespace

TEST_CASE("a published progress reaches clients, tied to the VM that it names") {
    Bench bench;
    CHECK_FALSE(bench.publish({progress("b", 10, {bench.first, {}})}));
    const auto told = bench.messages();
    REQUIRE(told.size() == 1);
    CHECK(told[0].type() == "progress");
    CHECK(told[0].integer("data.vm_id") == bench.first);
    CHECK(bench.host.state().operations.at("b").vm->uuid == domain(1).uuid);
}

TEST_CASE("a VM may be named by its UUID, or by both") {
    Bench bench;
    CHECK_FALSE(bench.publish({progress("a", 1, {{}, domain(2).uuid})}));
    CHECK(bench.host.state().operations.at("a").vm->id == bench.second);
    CHECK_FALSE(bench.publish({progress("b", 1, {bench.second, domain(2).uuid})}));
    bench.heard();
    CHECK(bench.refuses(progress("c", 1, {bench.first, domain(2).uuid}), Kind::invalid,
                        "data.vm_id"));
    CHECK(bench.refuses(progress("c", 1, {{}, uuid(99)}), Kind::invalid, "data.vm_uuid"));
}

TEST_CASE("a VM that is not there is refused, and so is one that the publisher may not name") {
    Bench bench;
    CHECK(bench.refuses(progress("b", 1, {12345, {}}), Kind::invalid, "data.vm_id"));
    CHECK(bench.refuses(alert("a", "vm", 12345), Kind::invalid, "data.entity_id"));
    const auto absent = bench.publish({progress("b", 1, {12345, {}})}, boundTo(1));
    const auto others = bench.publish({progress("b", 1, {bench.second, {}})}, boundTo(1));
    REQUIRE(absent);
    REQUIRE(others);
    CHECK(absent->message == others->message);
    CHECK(absent->field == others->field);
    CHECK(bench.heard().empty());
}

TEST_CASE("who is bound to some VMs publishes about those alone") {
    Bench bench;
    const auto bound = boundTo(1);
    CHECK_FALSE(bench.publish({progress("b", 1, {bench.first, {}})}, bound));
    CHECK_FALSE(bench.publish({alert("a", "vm", bench.first)}, bound));
    bench.heard();
    CHECK(bench.refuses(progress("c", 1), Kind::forbidden, "data.vm_id", bound));
    CHECK(bench.refuses(alert("c", "server"), Kind::forbidden, "data.entity_type", bound));
    CHECK(bench.refuses(alert("c", "tape"), Kind::forbidden, "data.entity_type", bound));
    CHECK(bench.refuses(alert("c", "vm", bench.second), Kind::invalid, "data.entity_id", bound));
}

TEST_CASE("nobody takes over what another began about something else") {
    Bench bench;
    bench.publish({progress("b", 50, {bench.second, {}}), progress("free", 50),
                   alert("a", "vm", bench.second), alert("s", "server")});
    bench.heard();
    const auto bound = boundTo(1);
    CHECK(bench.refuses(progress("b", 60, {bench.first, {}}), Kind::conflict, "data.operation_id"));
    CHECK(bench.refuses(progress("free", 60, {bench.first, {}}), Kind::conflict,
                        "data.operation_id", bound));
    CHECK(bench.refuses(progress("b", 60, {}, proto::ProgressStatus::completed), Kind::forbidden,
                        "data.vm_id", bound));
    CHECK(bench.refuses(alert("a", "vm", bench.first, false), Kind::conflict, "data.alert_id"));
    CHECK(bench.refuses(alert("a", "vm", bench.first, false), Kind::conflict, "data.alert_id",
                        bound));
    CHECK(bench.refuses(alert("s", "tape", {}, false), Kind::conflict, "data.alert_id"));
    CHECK(bench.host.state().operations.at("b").percent == 50);
    CHECK(bench.host.state().alerts.contains("a"));
}

TEST_CASE("an operation that creates a VM gets it once it exists, and keeps it") {
    Bench bench;
    CHECK_FALSE(bench.publish({progress("create", 10)}));
    CHECK_FALSE(bench.publish({progress("create", 50, {bench.first, {}})}));
    CHECK_FALSE(bench.publish({progress("create", 60)}));
    CHECK(bench.host.state().operations.at("create").vm->id == bench.first);
}

TEST_CASE("the end of an operation is taken although its VM is gone") {
    Bench bench;
    bench.publish({progress("remove", 10, {bench.first, {}})});
    bench.on(1, core::Lifecycle::undefined, "removed");
    REQUIRE_FALSE(bench.vm(1));
    bench.heard();
    CHECK_FALSE(bench.publish(
        {progress("remove", 100, {bench.first, {}}, proto::ProgressStatus::completed)}));
    CHECK(bench.heard().size() == 1);
    CHECK(bench.host.state().operations.empty());
}

TEST_CASE("an alert is about the VM, the server, or a word of its publisher") {
    Bench bench;
    bench.publish({alert("a", "vm", bench.first), alert("b", "server", 7), alert("c", "server"),
                   alert("d", "tape", 3)});
    const auto told = bench.messages();
    REQUIRE(told.size() == 4);
    CHECK(told[0].integer("data.entity_id") == bench.first);
    CHECK(told[1].text("data.entity_type") == "server");
    CHECK(told[2].integer("data.entity_id") == 7);
    CHECK(told[3].text("data.entity_type") == "tape");
    CHECK(bench.refuses(alert("e", "server", 8), Kind::invalid, "data.entity_id"));
}

TEST_CASE("an alert is raised and resolved") {
    Bench bench;
    CHECK_FALSE(bench.publish({alert("a", "server")}));
    CHECK(bench.host.state().alerts.contains("a"));
    CHECK_FALSE(bench.publish({alert("a", "server", {}, false)}));
    CHECK_FALSE(bench.host.state().alerts.contains("a"));
    const auto told = bench.messages();
    REQUIRE(told.size() == 2);
    CHECK(told[1].text("data.state") == "resolved");
}

TEST_CASE("the agent's own ids are not to be had") {
    Bench bench;
    CHECK(bench.refuses(progress("libvirt:1", 1), Kind::conflict, "data.operation_id"));
    CHECK(bench.refuses(alert(std::string(core::unsavedAlert), "server"), Kind::conflict,
                        "data.alert_id"));
}

TEST_CASE("there are only so many at once") {
    Bench bench;
    for (std::size_t i = 0; i < core::Operations::mostPublished; ++i)
        REQUIRE_FALSE(bench.publish({progress(fmt::format("o{}", i), 1)}));
    for (std::size_t i = 0; i < core::Alerts::largestPublished; ++i)
        REQUIRE_FALSE(bench.publish({alert(fmt::format("a{}", i), "server")}));
    bench.heard();
    CHECK(bench.refuses(progress("one more", 1), Kind::conflict, "data.operation_id"));
    CHECK(bench.refuses(alert("one more", "server"), Kind::conflict, "data.alert_id"));
    CHECK_FALSE(bench.publish({progress("o0", 2), alert("a0", "server", {}, false)}));
}

TEST_CASE("the first of several that is refused ends it, and says how many were told") {
    Bench bench;
    const auto refusal = bench.publish(
        {progress("a", 1), {"[1].data", progress("b", 1, {12345, {}}).event}, progress("c", 1)});
    REQUIRE(refusal);
    CHECK(refusal->accepted == 1);
    CHECK(refusal->field == "[1].data.vm_id");
    CHECK(bench.heard().size() == 1);
}
