// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>

#include "agent/server/request.hpp"
#include "agent/server/trusted_proxies.hpp"

namespace rollo::server {

/// Who speaks by this request: of a trusted proxy, whom its headers name, which are X-Forwarded-For
/// and X-Forwarded-Proto. Every proxy adds the address that it sees to the right end, so that the
/// rightmost that is no trusted proxy is the last that can be believed; what stands before it is
/// hearsay. Of anybody else these headers mean nothing. Untrusted input: a proxy that says
/// something else is refused, and never taken for the client.
std::expected<Peer, Refusal> speakerOf(const Request& request, const TrustedProxies& proxies);

}  // namespace rollo::server
