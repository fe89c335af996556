// SPDX-License-Identifier: Apache-2.0
#include "agent/alert_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/config_option.hpp"

namespace rollo::agent {
namespace {

using core::AlertLevel;
using core::AlertOverride;
using core::AlertSource;

using Fault = std::optional<std::string>;

constexpr std::string_view severities = "\"info\", \"warning\", \"error\", \"critical\"";

bool always(AlertSource) {
    return true;
}
bool hasNoThresholds(AlertSource source) {
    return !core::hasThresholds(source);
}

std::string wrong(const std::string& constraint) {
    return "must be " + constraint;
}

// --- enabled, for_seconds, severity --------------------------------------------------------------

std::string flagConstraint(AlertSource) {
    return "true or false";
}

Fault setEnabled(AlertOverride& to, const ConfigValue& value) {
    const bool* given = std::get_if<bool>(&value);
    if (!given) return wrong(flagConstraint(to.source));
    to.enabled = *given;
    return std::nullopt;
}

Fault printEnabled(const AlertOverride& from) {
    if (!from.enabled) return std::nullopt;
    return *from.enabled ? "true" : "false";
}

std::string forConstraint(AlertSource) {
    return fmt::format("an integer from 0 to {}", core::longestFor.count());
}

Fault setFor(AlertOverride& to, const ConfigValue& value) {
    const auto* given = std::get_if<std::int64_t>(&value);
    if (!given || *given < 0 || *given > core::longestFor.count())
        return wrong(forConstraint(to.source));
    to.lasts = std::chrono::seconds(*given);
    return std::nullopt;
}

Fault printFor(const AlertOverride& from) {
    if (!from.lasts) return std::nullopt;
    return std::to_string(from.lasts->count());
}

std::string severityConstraint(AlertSource) {
    return fmt::format("one of {}", severities);
}

Fault setSeverity(AlertOverride& to, const ConfigValue& value) {
    const auto* word = std::get_if<std::string>(&value);
    const auto severity = word ? core::severity(*word) : std::nullopt;
    if (!severity) return wrong(severityConstraint(to.source));
    to.levels = {AlertLevel{*severity, 0, 0}};
    return std::nullopt;
}

Fault printSeverity(const AlertOverride& from) {
    if (!from.levels) return std::nullopt;
    return option::quoted(proto::word(from.levels->front().severity));
}

// --- thresholds ----------------------------------------------------------------------------------

using Members = std::vector<ConfigMember>;

std::string thresholdsConstraint(AlertSource source) {
    return fmt::format(
        "a table of severities, each with `raise` and `clear` of at most {}, as {{ warning = {{ "
        "raise = 90, clear = 80 }} }}",
        core::largestThreshold(core::unitOf(source)));
}

/// NaN and infinity pass: TOML has them, and whoever looks at the range does not take them.
std::optional<double> numberIn(const ConfigValue& value) {
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
    if (const auto* real = std::get_if<double>(&value)) return *real;
    return std::nullopt;
}

Fault readLevel(AlertLevel& level, const Members& members) {
    std::optional<double> raise;
    std::optional<double> clear;
    for (const ConfigMember& member : members) {
        if (member.name != "raise" && member.name != "clear")
            return fmt::format("{}: unknown key", option::quoted(member.name));
        const auto number = numberIn(member.value);
        if (!number) return fmt::format("{}: must be a number", member.name);
        (member.name == "raise" ? raise : clear) = number;
    }
    if (!raise) return "raise: is missing";
    if (!clear) return "clear: is missing";
    level.raise = *raise;
    level.clear = *clear;
    return std::nullopt;
}

Fault setThresholds(AlertOverride& to, const ConfigValue& value) {
    const auto* table = std::get_if<Members>(&value);
    if (!table || table->empty()) return wrong(thresholdsConstraint(to.source));
    std::vector<AlertLevel> levels;
    for (const ConfigMember& member : *table) {
        const auto severity = core::severity(member.name);
        if (!severity)
            return fmt::format("{} is none of {}", option::quoted(member.name), severities);
        const auto* members = std::get_if<Members>(&member.value);
        if (!members) return fmt::format("{}: must have `raise` and `clear`", member.name);
        AlertLevel& level = levels.emplace_back(AlertLevel{.severity = *severity});
        if (const auto fault = readLevel(level, *members))
            return fmt::format("{}.{}", member.name, *fault);
    }
    std::ranges::sort(levels, {}, &AlertLevel::severity);
    if (auto fault = core::faultOf(levels, to.source)) return fault;
    to.levels = std::move(levels);
    return std::nullopt;
}

Fault printThresholds(const AlertOverride& from) {
    if (!from.levels) return std::nullopt;
    std::string text;
    for (const AlertLevel& level : *from.levels)
        text += fmt::format("{}{} = {{ raise = {}, clear = {} }}", text.empty() ? "" : ", ",
                            proto::word(level.severity), level.raise, level.clear);
    return fmt::format("{{ {} }}", text);
}

constexpr std::array keys = {
    AlertKey{"enabled", ConfigType::flag, always, flagConstraint, setEnabled, printEnabled},
    AlertKey{"for_seconds", ConfigType::integer, always, forConstraint, setFor, printFor},
    AlertKey{"severity", ConfigType::text, hasNoThresholds, severityConstraint, setSeverity,
             printSeverity},
    AlertKey{"thresholds", ConfigType::table, core::hasThresholds, thresholdsConstraint,
             setThresholds, printThresholds},
};

}  // namespace

std::span<const AlertKey> alertKeys() {
    return keys;
}

std::optional<std::string> setAlertKey(AlertOverride& to, std::string_view key,
                                       const ConfigValue& value) {
    const auto* found = std::ranges::find(keys, key, &AlertKey::name);
    if (found == keys.end()) return "unknown key";
    if (found->isOf(to.source)) return found->set(to, value);
    return core::hasThresholds(to.source) ? "this rule has its severities in `thresholds`"
                                          : "this rule has no figure to compare, but a `severity`";
}

AlertOverride wholeOf(const core::AlertRule& rule) {
    return {rule.source, rule.enabled, rule.lasts, rule.levels};
}

}  // namespace rollo::agent
