// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alerts.hpp"

#include <utility>

namespace rollo::core {

void Alerts::raise(proto::Alert alert, const common::Now& now) {
    alert.serverId = state_.server.id;
    alert.firstSeen = alert.lastSeen = now.wall;
    state_.alerts[alert.id] = alert;
    hub_.publish(alert, now);
}

void Alerts::resolve(const std::string& id, const proto::VmIdentity* vm, const common::Now& now) {
    const auto found = state_.alerts.find(id);
    if (found == state_.alerts.end()) return;
    proto::Alert alert = std::move(found->second);
    state_.alerts.erase(found);
    if (vm) alert.vm = *vm;
    alert.firing = false;
    alert.lastSeen = now.wall;
    hub_.publish(alert, now);
}

}  // namespace rollo::core
