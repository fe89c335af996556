// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/server/peer.hpp"
#include "agent/server/request.hpp"

struct lws;

namespace rollo::server {

/// What libwebsockets has read of a request line and headers, while it still has them: in the
/// callbacks for a request and for an upgrade. `peer` is at the other end of the socket.
Request readRequest(lws* socket, const Peer& peer);

}  // namespace rollo::server
