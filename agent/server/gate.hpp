// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>

#include "agent/server/reply.hpp"
#include "agent/server/request.hpp"
#include "agent/server/services.hpp"

namespace rollo::server {

/// Why a request goes no further than its headers.
struct Denial {
    Refused reason;
    Refusal refusal;
};

/// Looks at Host and Origin, before anything else is done with a request or an upgrade. Answers
/// what the request's origin is.
std::expected<AllowedOrigins::Kind, Denial> passGate(const Request& request,
                                                     const Settings& settings);

/// What who is not let in by Admission reads.
Reply turnAwayReply(Refused reason);

}  // namespace rollo::server
