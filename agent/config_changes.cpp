// SPDX-License-Identifier: Apache-2.0
#include "agent/config_changes.hpp"

#include "agent/config_table.hpp"

namespace rollo::agent {

std::vector<ConfigChange> changesBetween(const Config& before, const Config& after) {
    std::vector<ConfigChange> changes;
    for (const ConfigOption& option : configOptions()) {
        ConfigChange change{.name = option.name(),
                            .before = option.print(before).value_or("not set"),
                            .after = option.print(after).value_or("not set"),
                            .needsRestart = !option.reloadable};
        if (change.before != change.after) changes.push_back(std::move(change));
    }
    return changes;
}

Config reloaded(const Config& running, const Config& fresh) {
    Config result = running;
    for (const ConfigOption& option : configOptions())
        if (option.reloadable) option.copy(result, fresh);
    return result;
}

}  // namespace rollo::agent
