// SPDX-License-Identifier: Apache-2.0
#include "agent/core/stats_viewer.hpp"

#include <utility>

namespace rollo::core {

StatsViewer::StatsViewer(Opening opening, Principal principal, Lasting<Terms> terms, const Hub& hub,
                         const HostState& state, StatsFeed& feed, Subscriber& subscriber)
    : Conversation(std::move(opening.connectionId), std::move(principal), terms, hub, state,
                   subscriber),
      feed_(feed) {}

StatsViewer::~StatsViewer() {
    feed_.leave(subscriber());
}

std::optional<proto::Farewell> StatsViewer::refusal() const {
    if (!principal().mayViewStats()) return proto::farewell::permissionDenied;
    return std::nullopt;
}

void StatsViewer::begin(const common::Now& now) {
    feed_.join(subscriber(), now);
}

void StatsViewer::handle(const proto::ClientMessage& message, const common::Now& now) {
    if (std::holds_alternative<proto::Ping>(message)) return answerPing(now);
    refuse(proto::ErrorCode::unsupported, "this endpoint has the agent's figures and nothing else",
           proto::wireName(message), now);
}

}  // namespace rollo::core
