// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "agent/config_changes.hpp"
#include "agent/config_environment.hpp"
#include "agent/config_loader.hpp"
#include "agent/config_table.hpp"
#include "agent/config_text.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::agent;
using namespace std::chrono_literals;
using core::AlertLevel;
using core::AlertOverride;
using core::AlertRule;
using core::AlertSource;
using proto::Severity;

namespace {

using Lines = std::vector<std::string>;

struct Read {
    Config config;
    Lines errors;
};
Read read(std::string_view toml) {
    Read result;
    applyToml(toml, "f", result.config, result.errors);
    return result;
}
Lines errorsOf(std::string_view toml) {
    return read(toml).errors;
}
/// What is said of the only line of a section.
std::string faultOf(std::string_view line, std::string_view section = "alerts.vm_cpu") {
    const Lines errors = errorsOf(fmt::format("[{}]\n{}", section, line));
    const std::string place = fmt::format("f:2: {}.", section);
    if (errors.size() != 1 || !errors[0].starts_with(place))
        return fmt::format("{}", errors.size());
    return errors[0].substr(place.size());
}

core::AlertPolicy policyOf(std::string_view toml) {
    Read result = read(toml);
    REQUIRE(result.errors == Lines{});
    return std::move(result.config.alerts);
}
const AlertRule& rule(const core::AlertPolicy& policy, AlertSource source) {
    return policy.rules[static_cast<std::size_t>(source)];
}

constexpr std::string_view vmRules =
    "vm_cpu, vm_memory, vm_cpu_steal, vm_disk_latency, vm_swap, vm_crashed, vm_panicked, "
    "vm_watchdog, vm_io_error, vm_memory_failure, vm_unresponsive";

}  // namespace

TEST_CASE("each key of each rule is read into its place") {
    std::string toml;
    for (std::size_t i = 0; i < core::alertSources; ++i) {
        const auto source = static_cast<AlertSource>(i);
        toml += fmt::format(
            "[alerts.{}]\nenabled = false\nfor_seconds = 77\n{}\n", core::word(source),
            core::hasThresholds(source) ? "thresholds = { critical = { raise = 60, clear = 50.5 } }"
                                        : "severity = \"info\"");
    }
    const core::AlertPolicy policy = policyOf(toml);
    for (std::size_t i = 0; i < core::alertSources; ++i) {
        const auto source = static_cast<AlertSource>(i);
        const AlertLevel level = core::hasThresholds(source)
                                     ? AlertLevel{Severity::critical, 60, 50.5}
                                     : AlertLevel{Severity::info, 0, 0};
        CHECK(policy.rules[i] == AlertRule{source, false, 77s, {level}});
    }
}

TEST_CASE("what a rule does not say stays") {
    const AlertRule before = rule(core::defaultAlertPolicy(), AlertSource::vmMemory);
    const auto after = [](std::string_view line) {
        return rule(policyOf(fmt::format("[alerts.vm_memory]\n{}", line)), AlertSource::vmMemory);
    };
    AlertRule expected = before;
    expected.enabled = false;
    CHECK(after("enabled = false") == expected);
    expected = before;
    expected.lasts = 0s;
    CHECK(after("for_seconds = 0") == expected);
    expected = before;
    expected.levels = {{Severity::info, 50, 40}, {Severity::critical, 99.5, 90}};
    CHECK(after("thresholds = { critical = { raise = 99.5, clear = 90 }, "
                "info = { clear = 40, raise = 50 } }") == expected);
    CHECK(after("[alerts.vm_memory.thresholds.info]\nraise = 50\nclear = 40\n"
                "[alerts.vm_memory.thresholds.critical]\nraise = 99.5\nclear = 90") == expected);
}

TEST_CASE("a rule that is none is told, with those that there are") {
    CHECK(errorsOf("[alerts.vm_cpus]\nenabled = true\n") ==
          Lines{"f:1: alerts.vm_cpus: unknown rule; there are " + std::string(vmRules) +
                ", server_cpu, server_cpu_steal, server_memory, server_swap, server_load, "
                "server_disk, server_pool, libvirt_lost, agent_queues"});
    CHECK(errorsOf("[alerts]\nvm_cpu = true\n") == Lines{"f:2: alerts.vm_cpu: must be a section"});
    CHECK(errorsOf("[[alerts.vm_cpu]]\nenabled = true\n") ==
          Lines{"f:1: alerts.vm_cpu: must be a section"});
    CHECK(errorsOf("alerts = 1\n") == Lines{"f:1: alerts: must be a section"});
}

TEST_CASE("a key that is none, or not this rule's, is told") {
    CHECK(faultOf("for = 3") == "for: unknown key");
    CHECK(faultOf("severity = \"error\"") ==
          "severity: this rule has its severities in `thresholds`");
    CHECK(faultOf("thresholds = { error = { raise = 2, clear = 1 } }", "alerts.vm_crashed") ==
          "thresholds: this rule has no figure to compare, but a `severity`");
}

TEST_CASE("values of other types and out of range are told") {
    for (const char* bad : {"1", "\"true\"", "[true]"})
        CHECK(faultOf(fmt::format("enabled = {}", bad)) == "enabled: must be true or false");
    for (const char* bad : {"-1", "86401", "1.5", "\"5m\"", "true"})
        CHECK(faultOf(fmt::format("for_seconds = {}", bad)) ==
              "for_seconds: must be an integer from 0 to 86400");
    CHECK(faultOf("for_seconds = 86400") == "0");
    for (const char* bad : {"\"fatal\"", "\"\"", "1", "[\"error\"]"})
        CHECK(faultOf(fmt::format("severity = {}", bad), "alerts.vm_crashed") ==
              "severity: must be one of \"info\", \"warning\", \"error\", \"critical\"");
    for (const char* bad : {"90", "\"90\"", "{}", "[]", "[{ raise = 1 }]"})
        CHECK(faultOf(fmt::format("thresholds = {}", bad)) ==
              "thresholds: must be a table of severities, each with `raise` and `clear` of at most "
              "100, as { warning = { raise = 90, clear = 80 } }");
}

TEST_CASE("thresholds that make no sense are told") {
    const auto fault = [](std::string_view thresholds, std::string_view rule = "vm_cpu") {
        const std::string told = faultOf(fmt::format("thresholds = {{ {} }}", thresholds),
                                         fmt::format("alerts.{}", rule));
        const std::string key = "thresholds: ";
        return told.starts_with(key) ? told.substr(key.size()) : told;
    };
    CHECK(fault("warning = { raise = 90, clear = 90 }") == "0");
    CHECK(fault("fatal = { raise = 90, clear = 80 }") ==
          "\"fatal\" is none of \"info\", \"warning\", \"error\", \"critical\"");
    CHECK(fault("warning = 90") == "warning: must have `raise` and `clear`");
    CHECK(fault("warning = { raise = 90 }") == "warning.clear: is missing");
    CHECK(fault("warning = { clear = 90 }") == "warning.raise: is missing");
    CHECK(fault("warning = { raise = 90, clear = 80, for = 3 }") == "warning.\"for\": unknown key");
    CHECK(fault("warning = { raise = \"90\", clear = 80 }") == "warning.raise: must be a number");
    CHECK(fault("warning = { raise = true, clear = 80 }") == "warning.raise: must be a number");
    CHECK(fault("warning = { raise = 80, clear = 90 }") ==
          "warning.clear: must be from 0 to what `raise` is");
    const std::string range = "warning.raise: must be above 0 and at most 100";
    for (const char* bad : {"101", "100.1", "0", "-5", "nan", "inf"})
        CHECK(fault(fmt::format("warning = {{ raise = {}, clear = 0 }}", bad)) == range);
    CHECK(fault("warning = { raise = 101, clear = 0 }", "vm_disk_latency") == "0");
    CHECK(fault("warning = { raise = 90, clear = 80 }, critical = { raise = 85, clear = 80 }") ==
          "critical.raise: must be above that of warning");
    CHECK(fault("warning = { raise = 90, clear = 80 }, critical = { raise = 95, clear = 70 }") ==
          "critical.clear: must not be below that of warning");
}

TEST_CASE("all that is wrong is told at once, in the order of the file") {
    CHECK(errorsOf("[alerts.vm_memory]\nfor_seconds = -1\nenabled = 1\n"
                   "[server]\nmax_rules = 0\n"
                   "[alerts.libvirt_lost]\nseverity = 1\n"
                   "[alerts.vms.\"db-1\".vm_swap]\nx = 1\n") ==
          Lines{"f:2: alerts.vm_memory.for_seconds: must be an integer from 0 to 86400",
                "f:3: alerts.vm_memory.enabled: must be true or false",
                "f:5: server.max_rules: must be an integer from 1 to 10000",
                "f:7: alerts.libvirt_lost.severity: must be one of \"info\", \"warning\", "
                "\"error\", \"critical\"",
                "f:9: alerts.vms.\"db-1\".vm_swap.x: unknown key"});
}

TEST_CASE("a VM is named by id, UUID or name, in the order of the file") {
    const core::AlertPolicy policy = policyOf(
        "[alerts.vms.web]\nvm_cpu.enabled = false\n"
        "[alerts.vms.42.vm_cpu]\nfor_seconds = 5\n"
        "[alerts.vms.\"ec5bae03-65e1-4b90-8a82-e23f112eadd9\".vm_crashed]\nseverity = \"info\"\n"
        "[alerts.vms.\"db 1\".vm_memory]\nthresholds = { error = { raise = 99, clear = 98 } }\n");
    const auto uuid = proto::Uuid::parse("ec5bae03-65e1-4b90-8a82-e23f112eadd9");
    CHECK(policy.vms ==
          std::vector<core::VmAlertOverrides>{
              {"web", {{AlertSource::vmCpu, false, {}, {}}}},
              {proto::VmId{42}, {{AlertSource::vmCpu, {}, 5s, {}}}},
              {*uuid, {{AlertSource::vmCrashed, {}, {}, {{{Severity::info, 0, 0}}}}}},
              {"db 1", {{AlertSource::vmMemory, {}, {}, {{{Severity::error, 99, 98}}}}}}});
    CHECK(policy.rules == core::defaultAlertPolicy().rules);
}

TEST_CASE("a VM's alerts are switched off at once, but for those that say otherwise") {
    const core::AlertPolicy policy =
        policyOf("[alerts.vms.web]\nvm_crashed.enabled = true\nenabled = false\n");
    REQUIRE(policy.vms.size() == 1);
    CHECK(policy.vms[0].overrides.size() == 11);
    for (const AlertOverride& each : policy.vms[0].overrides)
        CHECK(each.enabled == (each.source == AlertSource::vmCrashed));
}

TEST_CASE("what is wrong with a VM's own is told") {
    CHECK(
        errorsOf("[alerts.vms.a]\nserver_cpu.enabled = true\n") ==
        Lines{"f:2: alerts.vms.\"a\".server_cpu: unknown rule; a VM has " + std::string(vmRules)});
    CHECK(errorsOf("[alerts.vms.a]\nvm_cpu = false\n") ==
          Lines{"f:2: alerts.vms.\"a\".vm_cpu: must be a section"});
    CHECK(errorsOf("[alerts.vms.a]\nenabled = 1\n") ==
          Lines{"f:2: alerts.vms.\"a\".enabled: must be true or false"});
    CHECK(errorsOf("[alerts.vms]\na = 1\n") == Lines{"f:2: alerts.vms.\"a\": must be a section"});
    CHECK(errorsOf("[alerts]\nvms = 1\n") == Lines{"f:2: alerts.vms: must be a section"});
    for (const char* nobody : {"\"\"", "\"99999999999999999999\""})
        CHECK(errorsOf(fmt::format("\n[alerts.vms.{}]\nvm_cpu.enabled = true\n", nobody)) ==
              Lines{fmt::format("f:2: alerts.vms.{}: is neither an id nor a UUID nor a name",
                                nobody)});
    CHECK(errorsOf("[alerts.vms.a.vm_cpu]\nthresholds = { error = { raise = 9, clear = 10 } }\n") ==
          Lines{"f:2: alerts.vms.\"a\".vm_cpu.thresholds: error.clear: must be from 0 to what "
                "`raise` is"});
}

TEST_CASE("files go together key by key, in rules and for each VM") {
    const tests::TemporaryFolder folder;
    const std::string path =
        folder.write("agent.toml",
                     "[auth]\nanonymous = true\n[alerts.vm_cpu]\nfor_seconds = 1\nenabled = false\n"
                     "[alerts.vms.web.vm_cpu]\nfor_seconds = 2\n");
    folder.write("conf.d/1.toml",
                 "[alerts.vm_cpu]\nfor_seconds = 3\n"
                 "[alerts.vms.db.vm_cpu]\nenabled = true\n"
                 "[alerts.vms.web.vm_cpu]\nenabled = true\n[alerts.vms.web.vm_swap]\n"
                 "for_seconds = 4\n");
    const auto loaded = loadConfig({path, {}});
    REQUIRE(loaded);
    const auto& cpu = rule(loaded->config.alerts, AlertSource::vmCpu);
    CHECK(cpu.lasts == 3s);
    CHECK_FALSE(cpu.enabled);
    CHECK(loaded->config.alerts.vms ==
          std::vector<core::VmAlertOverrides>{
              {"web", {{AlertSource::vmCpu, true, 2s, {}}, {AlertSource::vmSwap, {}, 4s, {}}}},
              {"db", {{AlertSource::vmCpu, true, {}, {}}}}});
}

TEST_CASE("a reload takes all of it over and says what changed") {
    const Config before = read("[alerts.vms.web]\nvm_cpu.for_seconds = 2\n").config;
    const Config after =
        read(
            "[alerts.vm_crashed]\nseverity = \"critical\"\n"
            "[alerts.vm_cpu]\nthresholds = { error = { raise = 99.5, clear = 90 } }\n"
            "[alerts.vms.web]\nvm_cpu.for_seconds = 3\nvm_swap.enabled = false\n")
            .config;
    CHECK(changesBetween(before, after) ==
          std::vector<ConfigChange>{
              {"alerts.vm_cpu.thresholds", "{ info = { raise = 95, clear = 85 } }",
               "{ error = { raise = 99.5, clear = 90 } }"},
              {"alerts.vm_crashed.severity", "\"error\"", "\"critical\""},
              {"alerts.vms.\"web\".vm_cpu.for_seconds", "2", "3"},
              {"alerts.vms.\"web\".vm_swap.enabled", "not set", "false"}});
    CHECK(reloaded(before, after).alerts == after.alerts);
    CHECK(reloaded(after, before).alerts == before.alerts);
}

TEST_CASE("the printed default configuration has every rule, and its examples can be used") {
    const std::string text = defaultConfigText();
    CHECK(policyOf(text) == core::defaultAlertPolicy());
    for (std::size_t i = 0; i < core::alertSources; ++i)
        CHECK(text.find(fmt::format("\n[alerts.{}]\n", core::word(static_cast<AlertSource>(i)))) !=
              std::string::npos);
    std::string examples = text;
    for (std::size_t at = 0; (at = examples.find("\n#   ", at)) != std::string::npos;)
        examples.replace(at, 5, "\n");
    const core::AlertPolicy policy = policyOf(examples);
    REQUIRE(policy.vms.size() == 2);
    CHECK(policy.vms[0].vm == core::AlertVm("build-7"));
    CHECK(policy.vms[1].overrides ==
          std::vector<AlertOverride>{{AlertSource::vmCpu, {}, {}, {{{Severity::error, 99, 90}}}}});
}

TEST_CASE("variables set what is no table") {
    Config config;
    Lines errors;
    Lines warnings;
    applyEnvironment({{"ROLLO_ALERTS_VM_CPU_FOR_SECONDS", "7"},
                      {"ROLLO_ALERTS_LIBVIRT_LOST_SEVERITY", "info"},
                      {"ROLLO_ALERTS_VM_CPU_THRESHOLDS", "90"}},
                     config, errors, warnings);
    CHECK(rule(config.alerts, AlertSource::vmCpu).lasts == 7s);
    CHECK(rule(config.alerts, AlertSource::libvirtLost).levels ==
          std::vector<AlertLevel>{{Severity::info, 0, 0}});
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].starts_with("environment variable ROLLO_ALERTS_VM_CPU_THRESHOLDS: must be"));
    CHECK(warnings.empty());
}
