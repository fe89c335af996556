// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/auth/token_verifier.hpp"
#include "agent/core/client.hpp"
#include "agent/core/consoles.hpp"
#include "agent/core/host_state.hpp"
#include "agent/core/hub.hpp"
#include "agent/core/publications.hpp"
#include "agent/core/stats_feed.hpp"
#include "agent/server/admission.hpp"
#include "agent/server/allowed_hosts.hpp"
#include "agent/server/allowed_origins.hpp"
#include "agent/server/budget.hpp"
#include "agent/server/counters.hpp"
#include "agent/server/gather.hpp"
#include "agent/server/listen_address.hpp"
#include "agent/server/publish_rates.hpp"
#include "agent/server/refusals.hpp"
#include "agent/server/tickets.hpp"
#include "agent/server/token_failures.hpp"
#include "agent/server/trusted_proxies.hpp"
#include "agent/server/user_seats.hpp"

namespace rollo::server {

class Session;
class Tls;

struct Settings {
    std::vector<ListenAddress> listen;
    /// Who those are that show a certificate with such a name.
    std::map<std::string, core::Principal> clients;
    AllowedHosts allowedHosts;
    AllowedOrigins allowedOrigins;
    bool anonymous = false;
    core::Conversation::Terms terms;  ///< that clients are told
    std::size_t queueBytes = 4u << 20;
    std::size_t totalQueueBytes = 256u << 20;
    Admission::Limits admission;
    Budget::Limits budget;
    std::chrono::seconds requestTime{10};
    std::chrono::seconds responseTime{30};
    std::chrono::seconds authTime{10};  ///< until a first message with the token
    std::size_t connectionsPerUser = std::numeric_limits<std::size_t>::max();
    double tokenFailuresPerMinute = 1e9;  ///< of one address
    std::size_t ticketsPerUser = 100;
    TrustedProxies trustedProxies;
    bool publicMetrics = false;

    struct Publish {
        std::optional<ListenAddress> socket;  ///< that serves nothing else
        std::size_t maxBytes = 65536;         ///< of one request's body
        double eventsPerSecond = 1e9;         ///< of one program
    };
    Publish publish;
};

/// What every connection of the server works with. One for the program; outlives them all.
struct Services {
    Settings settings;
    core::Hub& hub;
    const core::HostState& state;
    core::Consoles& consoles;
    auth::TokenVerifier verifier;

    /// The sessions that have something to send when the turn ends.
    std::vector<Session*> dirty;
    Gather gather;
    /// Nothing leaves for the moment, so that nobody is told what may not be kept.
    bool held = false;

    /// Writes the page of `/metrics`.
    std::function<std::string()> metricsText;

    Counters counters;
    Refusals refusals{counters};
    Admission admission{{}};
    Tls* tls = nullptr;  ///< where there is a listener for it

    /// Takes what other programs publish. Set before anybody is served.
    core::Publications* publications = nullptr;
    PublishRates publishRates;
    TokenFailures tokenFailures;
    UserSeats seats;
    Tickets tickets;
    core::StatsFeed stats{counters.sent};
};

}  // namespace rollo::server
