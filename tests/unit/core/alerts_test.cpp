// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alerts.hpp"

#include <doctest/doctest.h>

#include "tests/unit/core/alert_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::Alert;
using rollo::proto::Severity;

namespace {

Alert alertOf(const std::string& id) {
    Alert alert;
    alert.id = id;
    alert.type = "test";
    alert.title = "Title";
    alert.message = "Message";
    return alert;
}
AlertReport reportOf(const std::string& id, bool firing = true) {
    AlertReport report;
    report.alert = alertOf(id);
    report.alert.firing = firing;
    return report;
}

struct Bench : AlertBench {
    Alerts& all = host.alerts();

    Bench() : AlertBench({}) { beginRunning(); }
    Message only() {
        auto told = messages();
        REQUIRE(told.size() == 1);
        return told.front();
    }
};

}  // namespace

TEST_CASE("an alert is told when it begins and when it is over, and keeps when it began") {
    Bench bench;
    bench.all.raise(alertOf("vm_cpu:1"), at(10s));
    const auto begun = bench.only();
    CHECK(begun.text("data.state") == "firing");
    CHECK(begun.text("data.first_seen") == "2026-01-01T00:00:10.000Z");
    CHECK(begun.integer("data.count") == 1);
    CHECK(begun.integer("data.entity_id") == 7);
    bench.all.resolve("vm_cpu:1", at(20s), 12.5);
    const auto over = bench.only();
    CHECK(over.text("data.state") == "resolved");
    CHECK(over.text("data.first_seen") == "2026-01-01T00:00:10.000Z");
    CHECK(over.text("data.last_seen") == "2026-01-01T00:00:20.000Z");
    CHECK(over.number("data.value") == 12.5);
    CHECK(over.text("data.title") == "Resolved: Title");
    CHECK(bench.quiet());
    bench.all.resolve("vm_cpu:1", at(30s));
    CHECK(bench.heard().empty());
}

TEST_CASE("one that fires already is told again when it changes, and counted") {
    Bench bench;
    bench.all.raise(alertOf("vm_cpu:1"), at(10s));
    auto worse = alertOf("vm_cpu:1");
    worse.severity = Severity::critical;
    bench.all.raise(worse, at(20s));
    CHECK(bench.alerts() == Lines{"test warning firing", "test critical firing"});
    CHECK(bench.firing("vm_cpu:1").count == 2);
    CHECK(bench.firing("vm_cpu:1").firstSeen == at(10s).wall);
    CHECK(bench.firing("vm_cpu:1").lastSeen == at(20s).wall);
}

TEST_CASE("one that is only seen again is kept current and told to nobody") {
    Bench bench;
    bench.all.raise(alertOf("vm_cpu:1"), at(10s));
    bench.heard();
    bench.all.keep("vm_cpu:1", 97, 90, at(20s));
    bench.all.keep("vm_cpu:2", 97, 90, at(20s));
    CHECK(bench.heard().empty());
    CHECK(bench.host.state().alerts.size() == 1);
    CHECK(bench.firing("vm_cpu:1").count == 2);
    CHECK(bench.firing("vm_cpu:1").value == 97);
    CHECK(bench.firing("vm_cpu:1").threshold == 90);
    CHECK(bench.firing("vm_cpu:1").lastSeen == at(20s).wall);
}

TEST_CASE("what a publisher leaves out is filled in, and stays as it was while it fires") {
    Bench bench;
    REQUIRE(bench.all.report(reportOf("backup"), at(10s)));
    CHECK(bench.firing("backup").firstSeen == at(10s).wall);
    CHECK(bench.firing("backup").count == 1);
    REQUIRE(bench.all.report(reportOf("backup"), at(20s)));
    CHECK(bench.firing("backup").firstSeen == at(10s).wall);
    CHECK(bench.firing("backup").lastSeen == at(20s).wall);
    CHECK(bench.firing("backup").count == 2);
    bench.heard();
    REQUIRE(bench.all.report(reportOf("backup", false), at(30s)));
    const auto over = bench.only();
    CHECK(over.text("data.state") == "resolved");
    CHECK(over.text("data.first_seen") == "2026-01-01T00:00:10.000Z");
    CHECK(over.integer("data.count") == 2);
    CHECK(over.text("data.title") == "Title");  // its own
    CHECK(bench.quiet());
}

TEST_CASE("what a publisher says itself is taken") {
    Bench bench;
    REQUIRE(bench.all.report(reportOf("backup"), at(10s)));
    auto report = reportOf("backup");
    report.alert.severity = Severity::critical;
    report.firstSeen = at(-60s).wall;
    report.lastSeen = at(5s).wall;
    report.count = 9;
    REQUIRE(bench.all.report(report, at(20s)));
    CHECK(bench.firing("backup").severity == Severity::critical);
    CHECK(bench.firing("backup").firstSeen == at(-60s).wall);
    CHECK(bench.firing("backup").lastSeen == at(5s).wall);
    CHECK(bench.firing("backup").count == 9);
}

TEST_CASE("a published alert that was not known to fire may be over, and is told") {
    Bench bench;
    REQUIRE(bench.all.report(reportOf("backup", false), at()));
    CHECK(bench.alerts() == Lines{"test warning resolved"});
    CHECK(bench.quiet());
}

TEST_CASE("nobody can publish an alert of the agent's own") {
    Bench bench;
    for (const char* id : {"vm_cpu:6b1f2b8e-0000-4000-8000-000000000001", "vm_cpu", "server_pool:a",
                           "libvirt_lost", "vm-id-conflict:1", "agent-state-unsaved"}) {
        CAPTURE(id);
        for (const bool firing : {true, false}) {
            const auto refused = bench.all.report(reportOf(id, firing), at());
            REQUIRE_FALSE(refused);
            CHECK(refused.error() == AlertRefusal::ownId);
        }
    }
    CHECK(bench.heard().empty());
    CHECK(bench.quiet());
    CHECK(bench.all.report(reportOf("vm_cpus:1"), at()));
    CHECK(bench.all.report(reportOf("my-vm_cpu"), at()));
}

TEST_CASE("so many published alerts fire at once and no more") {
    Bench bench;
    for (std::size_t i = 0; i < Alerts::largestPublished; ++i)
        REQUIRE(bench.all.report(reportOf(std::to_string(i)), at()));
    bench.heard();
    const auto refused = bench.all.report(reportOf("one more"), at());
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == AlertRefusal::tooMany);
    CHECK(bench.heard().empty());
    CHECK(bench.all.report(reportOf("0"), at()));               // fires already
    CHECK(bench.all.report(reportOf("unknown", false), at()));  // takes no place
    bench.all.raise(alertOf("vm_cpu:1"), at());                 // the agent's own have their own
    CHECK_FALSE(bench.all.report(reportOf("one more"), at()));
    CHECK(bench.all.report(reportOf("1", false), at()));
    CHECK(bench.all.report(reportOf("one more"), at()));
    CHECK_FALSE(bench.all.report(reportOf("two more"), at()));
}

TEST_CASE("an alert follows the VM that it is about, and ends with it") {
    Bench bench;
    auto report = reportOf("backup");
    report.alert.vm = bench.vm(1)->info.identity;
    REQUIRE(bench.all.report(report, at()));
    REQUIRE(bench.all.report(reportOf("other"), at()));
    bench.heard();
    SUBCASE("renamed and renumbered") {
        auto description = claiming(runningVm(1, 5), 42);
        description.domain.name = "renamed";
        bench.outdated(1).described(description);
        CHECK(bench.alerts().empty());
        CHECK(bench.firing("backup").vm->name == "renamed");
        CHECK(bench.firing("backup").vm->id == 42);
    }
    SUBCASE("deleted") {
        bench.on(1, Lifecycle::stopped, "destroyed", 5).on(1, Lifecycle::undefined, "undefined");
        CHECK(bench.alerts() == Lines{"test warning resolved"});
        CHECK(bench.host.state().alerts.size() == 1);
        for (std::size_t i = 1; i < Alerts::largestPublished; ++i)
            REQUIRE(bench.all.report(reportOf(std::to_string(i)), at()));
        CHECK_FALSE(bench.all.report(reportOf("one more"), at()));
    }
}

TEST_CASE("alerts are saved when something is told, and else every few minutes") {
    Bench bench;
    bench.host.takeUnsaved();
    bench.all.raise(alertOf("vm_cpu:1"), at());
    CHECK(bench.host.takeUnsaved());
    bench.all.keep("vm_cpu:1", 97, 90, at(10s));
    bench.tick(20s);
    CHECK_FALSE(bench.host.takeUnsaved());
    bench.all.keep("vm_cpu:1", 97, 90, at(300s));
    bench.tick(309s);
    CHECK_FALSE(bench.host.takeUnsaved());
    bench.tick(310s);
    CHECK(bench.host.takeUnsaved());
    CHECK_FALSE(bench.host.takeUnsaved());
    bench.tick(700s);
    CHECK_FALSE(bench.host.takeUnsaved());
    bench.all.resolve("vm_cpu:1", at(700s));
    CHECK(bench.host.takeUnsaved());
}

TEST_CASE("that the state cannot be saved is nothing to save") {
    Bench bench;
    bench.host.takeUnsaved();
    bench.host.tellOfSaving(false, at());
    CHECK_FALSE(bench.host.takeUnsaved());
    CHECK(bench.host.saved().alerts.empty());
}
