// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/core/principal.hpp"
#include "agent/server/reply.hpp"
#include "agent/server/request.hpp"
#include "agent/server/services.hpp"
#include "common/clock.hpp"

/// `POST /api/v1/tickets`, and `?ticket=`: PROTOCOL.md, "Tickets".
namespace rollo::server {

/// Looks at the headers of a request whose body is still to come; nothing where it may come.
std::optional<Reply> refuseTicketHead(const Request& request);
/// Issues the ticket that the body asks for, if `owner` may be where it leads, as of now.
Reply issueTicket(const Request& request, const core::Principal& owner, Services& services,
                  const common::Now& now);

/// The ticket that a request shows, if it is good for this request and its owner still is somebody.
/// Whatever comes of it, the ticket is used up.
std::optional<Ticket> redeemTicket(const Request& request, Services& services,
                                   const common::Now& now);

}  // namespace rollo::server
