// SPDX-License-Identifier: Apache-2.0
#include "agent/server/converse.hpp"

#include <utility>

namespace rollo::server {

std::unique_ptr<core::Conversation> converse(Opening opening, core::Principal principal,
                                             const std::string& connectionId,
                                             const std::string& address, Services& services,
                                             core::Subscriber& subscriber) {
    const auto& terms = services.settings.terms;
    if (auto* console = std::get_if<core::ConsoleViewer::Opening>(&opening)) {
        console->connectionId = connectionId;
        console->address = address;
        return std::make_unique<core::ConsoleViewer>(std::move(*console), std::move(principal),
                                                     terms, services.hub, services.state,
                                                     services.consoles, subscriber);
    }
    if (auto* stats = std::get_if<core::StatsViewer::Opening>(&opening)) {
        stats->connectionId = connectionId;
        return std::make_unique<core::StatsViewer>(std::move(*stats), std::move(principal), terms,
                                                   services.hub, services.state, services.stats,
                                                   subscriber);
    }
    auto& events = std::get<core::Client::Opening>(opening);
    events.connectionId = connectionId;
    return std::make_unique<core::Client>(std::move(events), std::move(principal), terms,
                                          services.hub, services.state, subscriber);
}

}  // namespace rollo::server
