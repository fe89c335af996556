// SPDX-License-Identifier: Apache-2.0
#include "agent/config_alerts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "agent/alert_keys.hpp"
#include "agent/config_option.hpp"
#include "agent/core/endpoint.hpp"

namespace rollo::agent {
namespace {

using core::AlertOverride;
using core::AlertSource;

constexpr std::string_view enabledKey = "enabled";

std::string unknownRule(bool aboutVm) {
    std::string known;
    for (std::size_t i = 0; i < core::alertSources; ++i) {
        const auto source = static_cast<AlertSource>(i);
        if (aboutVm && !core::isAboutVm(source)) continue;
        known += fmt::format("{}{}", known.empty() ? "" : ", ", core::word(source));
    }
    return fmt::format("unknown rule; {} {}", aboutVm ? "a VM has" : "there are", known);
}

/// The keys of one rule, which `name` stands before in messages.
AlertOverride readRule(const toml::table& keys, AlertSource source, const std::string& name,
                       FileErrors& errors) {
    AlertOverride read{source, {}, {}, {}};
    for (const auto& [key, node] : keys)
        if (const auto fault = setAlertKey(read, key.str(), valueOf(node)))
            errors.report(key.source(), fmt::format("{}.{}", name, key.str()), *fault);
    return read;
}

// --- one VM's own --------------------------------------------------------------------------------

std::string nameOf(const core::AlertVm& vm) {
    if (const auto* id = std::get_if<proto::VmId>(&vm)) return std::to_string(*id);
    if (const auto* uuid = std::get_if<proto::Uuid>(&vm)) return uuid->toString();
    return std::get<std::string>(vm);
}

std::string prefixOf(std::string_view vm) {
    return fmt::format("alerts.vms.{}", option::quoted(vm));
}

std::vector<AlertOverride>& overridesOf(core::AlertPolicy& policy, const core::AlertVm& vm) {
    const auto found = std::ranges::find(policy.vms, vm, &core::VmAlertOverrides::vm);
    return found != policy.vms.end()
               ? found->overrides
               : policy.vms.emplace_back(vm, std::vector<AlertOverride>()).overrides;
}

void merge(std::vector<AlertOverride>& into, AlertOverride read) {
    const auto found = std::ranges::find(into, read.source, &AlertOverride::source);
    if (found == into.end()) return into.push_back(std::move(read));
    if (read.enabled) found->enabled = read.enabled;
    if (read.lasts) found->lasts = read.lasts;
    if (read.levels) found->levels = std::move(read.levels);
}

/// `enabled` is about all rules of the VM, and the rules that follow know better.
void readEnabled(const toml::table& keys, const std::string& name,
                 std::vector<AlertOverride>& overrides, FileErrors& errors) {
    const toml::node* node = keys.get(enabledKey);
    if (!node) return;
    const auto* enabled = node->as_boolean();
    if (!enabled)
        return errors.report(node->source(), fmt::format("{}.{}", name, enabledKey),
                             "must be true or false");
    for (AlertOverride& each : core::overridesOfAll(enabled->get()))
        merge(overrides, std::move(each));
}

void readVm(const toml::table& keys, const std::string& name, std::vector<AlertOverride>& overrides,
            FileErrors& errors) {
    readEnabled(keys, name, overrides, errors);
    for (const auto& [key, node] : keys) {
        if (key.str() == enabledKey) continue;
        const std::string rule = fmt::format("{}.{}", name, key.str());
        const auto source = core::alertSource(key.str());
        const toml::table* table = node.as_table();
        if (!source || !core::isAboutVm(*source))
            errors.report(key.source(), rule, unknownRule(true));
        else if (!table)
            errors.report(key.source(), rule, "must be a section");
        else
            merge(overrides, readRule(*table, *source, rule, errors));
    }
}

void readVms(const toml::table& vms, core::AlertPolicy& policy, FileErrors& errors) {
    std::vector<std::pair<const toml::key*, const toml::node*>> entries;
    for (const auto& [key, node] : vms) entries.emplace_back(&key, &node);
    std::ranges::stable_sort(entries, {},
                             [](const auto& entry) { return entry.first->source().begin.line; });
    for (const auto& [key, node] : entries) {
        const std::string name = prefixOf(key->str());
        const auto vm = core::vmNamedBy(std::string(key->str()));
        const toml::table* table = node->as_table();
        if (!vm)
            errors.report(key->source(), name, "is neither an id nor a UUID nor a name");
        else if (!table)
            errors.report(key->source(), name, "must be a section");
        else
            readVm(*table, name, overridesOf(policy, *vm), errors);
    }
}

}  // namespace

void applyAlerts(const toml::table& alerts, core::AlertPolicy& policy, FileErrors& errors) {
    for (const auto& [key, node] : alerts) {
        const std::string name = fmt::format("alerts.{}", key.str());
        const bool ofVms = key.str() == "vms";
        const auto source = core::alertSource(key.str());
        const toml::table* table = node.as_table();
        if (!source && !ofVms)
            errors.report(key.source(), name, unknownRule(false));
        else if (!table)
            errors.report(key.source(), name, "must be a section");
        else if (ofVms)
            readVms(*table, policy, errors);
        else
            readRule(*table, *source, name, errors)
                .applyTo(policy.rules[static_cast<std::size_t>(*source)]);
    }
}

std::vector<std::pair<std::string, std::string>> printVmAlerts(const core::AlertPolicy& policy) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const auto& [vm, overrides] : policy.vms)
        for (const AlertOverride& each : overrides)
            for (const AlertKey& key : alertKeys())
                if (auto value = key.isOf(each.source) ? key.print(each) : std::nullopt)
                    lines.emplace_back(fmt::format("{}.{}.{}", prefixOf(nameOf(vm)),
                                                   core::word(each.source), key.name),
                                       std::move(*value));
    return lines;
}

}  // namespace rollo::agent
