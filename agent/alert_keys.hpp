// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/config_table.hpp"
#include "agent/core/alert_rule.hpp"

/// How a rule for alerts is written: the same keys for all VMs (`[alerts.NAME]`) and for one of
/// them (`[alerts.vms."VM".NAME]`).
namespace rollo::agent {

struct AlertKey {
    std::string_view name;
    ConfigType type;
    bool (*isOf)(core::AlertSource source);  ///< not every rule has every key
    /// What follows "must be".
    std::string (*constraint)(core::AlertSource source);
    /// Sets what the key stands for, or says what is wrong with the value.
    std::optional<std::string> (*set)(core::AlertOverride& to, const ConfigValue& value);
    /// In TOML; nothing where it is not given.
    std::optional<std::string> (*print)(const core::AlertOverride& from);
};

/// In the order in which they are printed.
std::span<const AlertKey> alertKeys();

/// Sets what that key of that rule says, or tells what is wrong.
std::optional<std::string> setAlertKey(core::AlertOverride& to, std::string_view key,
                                       const ConfigValue& value);

/// All of a rule, as an override would give it.
core::AlertOverride wholeOf(const core::AlertRule& rule);

}  // namespace rollo::agent
