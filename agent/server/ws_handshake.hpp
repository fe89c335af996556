// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/server/request.hpp"

namespace rollo::server {

/// Refuses an upgrade that is no opening handshake of WebSocket (RFC 6455 §4.2.1), in what
/// libwebsockets does not look at: it takes any method, any version and any key.
std::optional<Refusal> refuseHandshake(const Request& request);

}  // namespace rollo::server
