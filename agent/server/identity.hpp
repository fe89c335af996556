// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/core/principal.hpp"
#include "agent/server/request.hpp"
#include "agent/server/services.hpp"
#include "common/clock.hpp"
#include "proto/codes.hpp"

namespace rollo::server {

/// Who a request speaks for, or nobody; `error` says why, in words of ours.
struct Identity {
    std::optional<core::Principal> principal;
    std::string error;
};

/// The token's principal, or, where nothing else was shown, anonymous if that is allowed. What is
/// shown and not valid is never anonymous: PROTOCOL.md, "Who is asking".
Identity identify(const Request& request, Services& services, const common::Now& now);

/// Why somebody who was let in before may not be here any more; nothing if nothing has changed.
/// A key that is gone changes nothing: its tokens hold until they expire.
std::optional<proto::Farewell> revocation(const core::Principal& principal,
                                          const Services& services);

}  // namespace rollo::server
