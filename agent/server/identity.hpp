// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "agent/core/principal.hpp"
#include "agent/server/counters.hpp"
#include "agent/server/reply.hpp"
#include "agent/server/request.hpp"
#include "common/clock.hpp"
#include "proto/codes.hpp"

namespace rollo::server {

struct Services;

/// Who a request speaks for, or nobody, and then why.
struct Identity {
    std::optional<core::Principal> principal;
    bool readOnly = false;  ///< by a ticket with which nothing may be typed

    Refused reason = Refused::token;
    std::string error;  ///< for the log, in words of ours
    /// What a WebSocket is told, and how long it had better wait.
    proto::Farewell farewell = proto::farewell::tokenInvalid;
    std::chrono::milliseconds wait{1000};
};

/// The token's principal, or the ticket's; without one, whom the client's certificate stands for;
/// where nothing was shown, anonymous if that is allowed. What is shown and not valid is never
/// anonymous: PROTOCOL.md, "Who is asking". Who is nobody is counted.
Identity identify(const Request& request, Services& services, const common::Now& now);
/// The same for a token alone, wherever it stood. Untrusted. It is not looked at where too many bad
/// ones have come from the peer's address.
Identity identifyByToken(std::string_view token, const Peer& peer, Services& services,
                         const common::Now& now);
/// What HTTP answers nobody with: 401, or 429.
Reply refuseNobody(const Identity& nobody);

/// Why somebody who was let in before may not be here any more; nothing if nothing has changed.
/// A key that is gone changes nothing: its tokens hold until they expire.
std::optional<proto::Farewell> revocation(const core::Principal& principal,
                                          const Services& services);

}  // namespace rollo::server
