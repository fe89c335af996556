// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alert_rule.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <set>

using namespace rollo;
using namespace rollo::core;
using namespace std::chrono_literals;
using proto::Severity;

namespace {

std::string fault(std::vector<AlertLevel> levels, AlertSource source = AlertSource::vmCpu) {
    return core::faultOf(levels, source).value_or("");
}

AlertSource source(std::size_t index) {
    return static_cast<AlertSource>(index);
}

}  // namespace

TEST_CASE("each source has a word of its own") {
    std::set<std::string_view> words;
    for (std::size_t i = 0; i < alertSources; ++i) {
        CHECK(alertSource(word(source(i))) == source(i));
        words.insert(word(source(i)));
    }
    CHECK(words.size() == alertSources);
    CHECK(word(AlertSource::vmCpu) == "vm_cpu");
    CHECK(word(AlertSource::serverPool) == "server_pool");
    CHECK(word(AlertSource::agentQueues) == "agent_queues");
    for (const char* none : {"", "vm", "VM_CPU", "vm_cpu "}) CHECK_FALSE(alertSource(none));
}

TEST_CASE("a source is about a VM exactly where its word says so") {
    for (std::size_t i = 0; i < alertSources; ++i)
        CHECK(isAboutVm(source(i)) == word(source(i)).starts_with("vm_"));
}

TEST_CASE("the default policy has one good rule for each source") {
    const AlertPolicy policy = defaultAlertPolicy();
    REQUIRE(policy.rules.size() == alertSources);
    CHECK(policy.vms.empty());
    for (std::size_t i = 0; i < alertSources; ++i) {
        const AlertRule& rule = policy.rules[i];
        CAPTURE(word(source(i)));
        CHECK(rule.source == source(i));
        CHECK(rule.enabled);
        CHECK(rule.lasts >= 0s);
        CHECK(rule.lasts <= longestFor);
        if (hasThresholds(rule.source)) {
            CHECK(fault(rule.levels, rule.source) == "");
            for (const AlertLevel& level : rule.levels) CHECK(level.clear < level.raise);
        } else {
            REQUIRE(rule.levels.size() == 1);
            CHECK(rule.levels[0].raise == 0);
            CHECK(rule.levels[0].clear == 0);
        }
    }
}

TEST_CASE("thresholds stay within their unit, clear below raise, and rise with severity") {
    CHECK(fault({{Severity::warning, 90, 80}}) == "");
    CHECK(fault({{Severity::warning, 100, 100}}) == "");
    CHECK(fault({{Severity::warning, 0.5, 0}}) == "");
    CHECK(fault({{Severity::warning, 90, 80}, {Severity::critical, 95, 80}}) == "");
    CHECK(fault({}) == "there is no threshold");
    const std::string raise = "warning.raise: must be above 0 and at most 100";
    CHECK(fault({{Severity::warning, 100.5, 80}}) == raise);
    CHECK(fault({{Severity::warning, 0, 0}}) == raise);
    CHECK(fault({{Severity::warning, -1, -2}}) == raise);
    CHECK(fault({{Severity::warning, std::numeric_limits<double>::quiet_NaN(), 0}}) == raise);
    const std::string clear = "warning.clear: must be from 0 to what `raise` is";
    CHECK(fault({{Severity::warning, 90, 90.5}}) == clear);
    CHECK(fault({{Severity::warning, 90, -1}}) == clear);
    CHECK(fault({{Severity::warning, 90, 80}, {Severity::critical, 90, 85}}) ==
          "critical.raise: must be above that of warning");
    CHECK(fault({{Severity::warning, 90, 80}, {Severity::critical, 95, 79}}) ==
          "critical.clear: must not be below that of warning");
    CHECK(fault({{Severity::error, 80, 70}, {Severity::warning, 90, 80}}) ==
          "warning: must come once, the least severity first");
}

TEST_CASE("what is no percentage may be larger than 100") {
    CHECK(fault({{Severity::warning, 250, 100}}, AlertSource::vmDiskLatency) == "");
    CHECK(fault({{Severity::warning, 1e9, 1e8}}, AlertSource::vmSwap) == "");
    CHECK(fault({{Severity::warning, 200, 100}}, AlertSource::serverLoad) == "");
    CHECK(fault({{Severity::warning, 200, 100}}, AlertSource::serverDisk) != "");
    CHECK(fault({{Severity::warning, 4e6, 100}}, AlertSource::vmDiskLatency) ==
          "warning.raise: must be above 0 and at most 3600000");
}

TEST_CASE("an override changes what it gives and nothing else") {
    AlertRule rule{AlertSource::vmCpu, true, 10s, {{Severity::warning, 90, 80}}};
    AlertOverride change{AlertSource::vmCpu, {}, {}, {}};
    change.applyTo(rule);
    CHECK(rule == AlertRule{AlertSource::vmCpu, true, 10s, {{Severity::warning, 90, 80}}});
    change.lasts = 0s;
    change.applyTo(rule);
    CHECK(rule == AlertRule{AlertSource::vmCpu, true, 0s, {{Severity::warning, 90, 80}}});
    change = {AlertSource::vmCpu, false, {}, {{{Severity::error, 99, 98}}}};
    change.applyTo(rule);
    CHECK(rule == AlertRule{AlertSource::vmCpu, false, 0s, {{Severity::error, 99, 98}}});
}

TEST_CASE("all rules about VMs can be switched at once") {
    const auto off = overridesOfAll(false);
    std::set<AlertSource> switched;
    for (const AlertOverride& each : off) {
        CHECK(each == AlertOverride{each.source, false, {}, {}});
        CHECK(isAboutVm(each.source));
        switched.insert(each.source);
    }
    CHECK(switched.size() == 11);
}
