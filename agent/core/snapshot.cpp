// SPDX-License-Identifier: Apache-2.0
#include "agent/core/snapshot.hpp"

#include <algorithm>

#include "proto/codec.hpp"

namespace rollo::core {
namespace {

using proto::EventKind;

bool wantsServer(const Subscription& wanted, std::optional<proto::ServerId> self) {
    return wanted.wants({EventKind::serverStatusChanged, nullptr, true}, self) ||
           wanted.wants({EventKind::serverMetricsUpdate, nullptr, true}, self);
}

void addHistory(proto::Snapshot& snapshot, const HostState& state, const common::Now& now) {
    const Slot begin = state.timeline.begin(now.mono);
    auto& history = snapshot.history.emplace();
    history.times = state.timeline.times(now.mono);
    if (snapshot.server) history.server = state.serverHistory.since(begin);
    for (const auto& vm : snapshot.vms)
        history.vms.push_back(state.vms.at(vm.info->identity.uuid).history.since(begin));
}

}  // namespace

std::vector<proto::Frame> takeSnapshot(const HostState& state, const Hub& hub,
                                       const Principal& principal, const Subscription& wanted,
                                       const Subscription* told, proto::SnapshotReason reason,
                                       bool withHistory, const common::Now& now) {
    const auto self = hub.serverId();
    proto::Snapshot snapshot;
    snapshot.epoch = hub.epoch();
    snapshot.seq = hub.seq();
    snapshot.reason = reason;
    if (principal.mayViewServer() && wantsServer(wanted, self)) {
        snapshot.server = &state.server;
        if (state.serverMetrics) snapshot.serverMetrics = &*state.serverMetrics;
    }
    for (const auto& [uuid, vm] : state.vms) {
        const auto& identity = vm.info.identity;
        if (!principal.mayView(identity)) continue;
        const Kinds kinds = wanted.kindsOf(identity, self);
        if (!kinds.empty() && !(told && told->kindsOf(identity, self).contains(kinds)))
            snapshot.vms.push_back(vm.view());
    }
    std::sort(snapshot.vms.begin(), snapshot.vms.end(), [](const auto& a, const auto& b) {
        return a.info->identity.id < b.info->identity.id;
    });
    const auto isDue = [&](const Topic& topic) {
        return mayHear(principal, topic) && wanted.wants(topic, self) &&
               !(told && told->wants(topic, self));
    };
    for (const auto& [id, operation] : state.operations)
        if (isDue(topicOf(operation))) snapshot.operations.push_back(&operation);
    for (const auto& [id, alert] : state.alerts)
        if (isDue(topicOf(alert))) snapshot.alerts.push_back(&alert);
    if (withHistory) addHistory(snapshot, state, now);
    return proto::encode(snapshot, now);
}

}  // namespace rollo::core
