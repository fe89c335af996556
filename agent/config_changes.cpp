// SPDX-License-Identifier: Apache-2.0
#include "agent/config_changes.hpp"

#include <map>

#include "agent/config_alerts.hpp"
#include "agent/config_clients.hpp"
#include "agent/config_table.hpp"

namespace rollo::agent {
namespace {

using Printed = std::vector<std::pair<std::string, std::string>>;

/// In order of name.
void addTables(const Printed& before, const Printed& after, std::vector<ConfigChange>& changes) {
    std::map<std::string, ConfigChange> found;
    const auto at = [&found](const std::string& name) -> ConfigChange& {
        return found.try_emplace(name, ConfigChange{name, "not set", "not set", false})
            .first->second;
    };
    for (const auto& [name, value] : before) at(name).before = value;
    for (const auto& [name, value] : after) at(name).after = value;
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
    addTables(printTlsClients(before.tls.clients), printTlsClients(after.tls.clients), changes);
    addTables(printVmAlerts(before.alerts), printVmAlerts(after.alerts), changes);
    return changes;
}

Config reloaded(const Config& running, const Config& fresh) {
    Config result = running;
    for (const ConfigOption& option : configOptions())
        if (option.reloadable) option.copy(result, fresh);
    result.tls.clients = fresh.tls.clients;
    result.alerts.vms = fresh.alerts.vms;
    return result;
}

}  // namespace rollo::agent
