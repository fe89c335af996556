// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/config_toml.hpp"
#include "agent/core/alert_rule.hpp"

namespace rollo::agent {

/// Takes the section `[alerts]` of a file into the policy, key by key: the rules, and what `vms`
/// says of single VMs, in the order of the file.
void applyAlerts(const toml::table& alerts, core::AlertPolicy& policy, FileErrors& errors);

/// What single VMs have of their own: `alerts.vms."VM".RULE.KEY` and the value in TOML.
std::vector<std::pair<std::string, std::string>> printVmAlerts(const core::AlertPolicy& policy);

}  // namespace rollo::agent
