// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/principal.hpp"
#include "agent/server/reply.hpp"
#include "agent/server/request.hpp"
#include "agent/server/services.hpp"

namespace rollo::server {

/// `GET /api/v1/events?since=EPOCH:SEQ`: what that person missed, for who has no WebSocket.
Reply missedEvents(const Request& request, const core::Principal& principal,
                   const Services& services);

}  // namespace rollo::server
