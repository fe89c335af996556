// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/core/principal.hpp"
#include "agent/server/reply.hpp"
#include "agent/server/request.hpp"
#include "agent/server/services.hpp"
#include "common/clock.hpp"

/// `POST /api/v1/events`: other programs publish events of their own.
namespace rollo::server {

/// Looks at the headers of a request whose body is still to come; nothing where it may come.
std::optional<Reply> refuseHead(const Request& request, const core::Principal& publisher,
                                Services& services, const common::Now& now);
/// Publishes what the body says.
Reply publishEvents(const Request& request, const core::Principal& publisher, Services& services,
                    const common::Now& now);

}  // namespace rollo::server
