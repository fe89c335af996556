// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "agent/core/alert_rule.hpp"
#include "proto/events.hpp"

/// What an alert of a rule is called and what it says to people.
namespace rollo::core {

/// What one rule watches.
struct AlertSubject {
    AlertSource source;
    const proto::VmInfo* vm = nullptr;  ///< empty: the server
    std::string_view pool = {};         ///< of AlertSource::serverPool
};

/// The same over restarts of everything: `vm_cpu:UUID`, `server_pool:NAME`, `server_cpu`.
std::string alertId(const AlertSubject& subject);

/// The alert that fires with that level of the rule. `figure` is in the source's unit, and not
/// looked at where it has none; `detail` says what is known beyond, and may be empty.
proto::Alert alertOf(const AlertSubject& subject, const AlertRule& rule, const AlertLevel& level,
                     double figure, std::string_view detail);

}  // namespace rollo::core
