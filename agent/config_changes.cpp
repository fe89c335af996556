// SPDX-License-Identifier: Apache-2.0
#include "agent/config_changes.hpp"

#include <map>

#include "agent/config_alerts.hpp"
#include "agent/config_table.hpp"

namespace rollo::agent {
namespace {

/// In order of name.
void addVmAlerts(const Config& before, const Config& after, std::vector<ConfigChange>& changes) {
    std::map<std::string, ConfigChange> found;
    const auto at = [&found](const std::string& name) -> ConfigChange& {
        return found.try_emplace(name, ConfigChange{name, "not set", "not set", false})
            .first->second;
    };
    for (auto& [name, value] : printVmAlerts(before.alerts)) at(name).before = value;
    for (auto& [name, value] : printVmAlerts(after.alerts)) at(name).after = value;
    for (auto& [name, change] : found)
        if (change.before != change.after) changes.push_back(std::move(change));
}

}  // namespace

std::vector<ConfigChange> changesBetween(const Config& before, const Config& after) {
    std::vector<ConfigChange> changes;
    for (const ConfigOption& option : configOptions()) {
        ConfigChange change{.name = option.name(),
                            .before = option.print(before).value_or("not set"),
                            .after = option.print(after).value_or("not set"),
                            .needsRestart = !option.reloadable};
        if (change.before != change.after) changes.push_back(std::move(change));
    }
    addVmAlerts(before, after, changes);
    return changes;
}

Config reloaded(const Config& running, const Config& fresh) {
    Config result = running;
    for (const ConfigOption& option : configOptions())
        if (option.reloadable) option.copy(result, fresh);
    result.alerts.vms = fresh.alerts.vms;
    return result;
}

}  // namespace rollo::agent
