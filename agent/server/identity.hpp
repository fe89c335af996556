// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/core/principal.hpp"
#include "agent/server/request.hpp"
#include "agent/server/services.hpp"
#include "common/clock.hpp"

namespace rollo::server {

/// Who a request speaks for, or nobody; `error` says why, in words of ours.
struct Identity {
    std::optional<core::Principal> principal;
    std::string error;
};

/// The token's principal; without one, whom the client's certificate stands for; where nothing else
/// was shown, anonymous if that is allowed. What is
/// shown and not valid is never anonymous: PROTOCOL.md, "Who is asking".
Identity identify(const Request& request, Services& services, const common::Now& now);

}  // namespace rollo::server
