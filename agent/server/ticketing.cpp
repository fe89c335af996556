// SPDX-License-Identifier: Apache-2.0
#include "agent/server/ticketing.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "agent/core/endpoint.hpp"
#include "agent/server/converse.hpp"
#include "agent/server/json_body.hpp"
#include "agent/server/opening.hpp"
#include "agent/server/path_pattern.hpp"
#include "common/json_writer.hpp"
#include "proto/ticket_request.hpp"

namespace rollo::server {
namespace {

using core::Permission;
using core::Principal;
using proto::TicketRequest;

constexpr std::size_t longestBody = 4096;
constexpr std::string_view consolePath = "/ws/console/{vm}";
constexpr std::string_view logPath = "/api/v1/vms/{vm}/console/log";

/// Hears nothing: a conversation is asked what it would say, and not begun.
class Nobody final : public core::Subscriber {
    void send(const proto::Frame&) override {}
    void tell(const proto::Error&, const common::Now&) override {}
    void refuse(const proto::Error&, const common::Now&) override {}
    void sendLatest(std::uint64_t, const proto::Frame&) override {}
    void dropLatest(std::uint64_t) override {}
    void sendBacklog(std::vector<proto::Frame>) override {}
    void sendOutput(const proto::Frame&) override {}
    std::size_t outputWaiting() const override { return 0; }
    void listen(bool) override {}
    void close(const proto::Farewell&) override {}
};

/// The VM that the path names to this principal.
std::optional<proto::Uuid> vmAt(std::string_view path, const Principal& principal,
                                const core::HostState& state) {
    static constexpr std::array<std::string_view, 3> patterns = {"/ws/vm/{vm}", consolePath,
                                                                 logPath};
    for (const auto pattern : patterns) {
        const auto name = matchPath(pattern, path);
        if (!name) continue;
        const auto* vm = core::findVm(state, std::string(*name), principal);
        return vm ? std::optional(vm->info.identity.uuid) : std::nullopt;
    }
    return std::nullopt;
}

/// Why the log may not be had: as the endpoint itself answers.
std::optional<proto::Farewell> refusalOfLog(const std::string& path, const Principal& principal,
                                            const Services& services) {
    if (!principal.permissions.has(Permission::consoleRead))
        return proto::farewell::permissionDenied;
    if (!services.consoles.settings().enabled) return proto::farewell::consolesDisabled;
    if (!vmAt(path, principal, services.state)) return proto::farewell::notFound;
    return std::nullopt;
}

/// Why that principal would be shown out of there.
std::optional<proto::Farewell> refusalAt(const TicketRequest& wanted, const Principal& principal,
                                         Services& services) {
    if (matchPath(logPath, wanted.endpoint))
        return refusalOfLog(wanted.endpoint, principal, services);
    if (wanted.mode == TicketRequest::Mode::write &&
        !principal.permissions.has(Permission::consoleWrite))
        return proto::farewell::permissionDenied;
    Request opening;
    opening.path = wanted.endpoint;
    auto read = readOpening(opening);
    if (!read) return proto::farewell::notFound;
    Nobody nobody;
    return converse(std::move(*read), principal, {}, {}, services, nobody)->refusal();
}

Refusal asRefusal(const proto::Farewell& farewell) {
    if (farewell.code == proto::CloseCode::notFound)
        return {404, "there is no such VM, server or console"};
    if (farewell.word == proto::farewell::consolesDisabled.word)
        return {403, "this host serves no consoles (console.enabled)"};
    return {403, "permission denied"};
}

/// What is wrong with a request by itself.
std::optional<Refusal> faultOf(const TicketRequest& wanted) {
    const auto endpoint = endpointOf(wanted.endpoint);
    if (endpoint.empty() && !matchPath(logPath, wanted.endpoint))
        return Refusal{400, "must be the path of a WebSocket or of a console's log", "endpoint"};
    if (wanted.mode != TicketRequest::Mode::unsaid && endpoint != consolePath)
        return Refusal{400, "goes with the WebSocket of a console alone", "mode"};
    return std::nullopt;
}

Reply tooMany(const Request& request, Services& services, const common::Now& now) {
    services.refusals.note(Refused::tickets, request.peer.text, now.mono);
    return laterReply({429, "too many tickets wait to be used (auth.max_tickets_per_user)"},
                      Tickets::lifetime);
}

Reply issued(std::string_view ticket, common::WallClock end) {
    common::JsonWriter out;
    out.beginObject();
    out.member("ticket", ticket);
    out.member("expires_at", common::formatTimestamp(end));
    out.endObject();
    return json(201, std::string(out.text()));
}

/// Whether the query asks for no more than the ticket allows, and for nothing else.
bool agrees(const Request& request, const Ticket& ticket) {
    if (!matchPath(consolePath, ticket.path)) return true;
    const std::string* mode = request.argument("mode");
    if (mode && (*mode == "ro") != ticket.readOnly) return false;
    return !ticket.readOnly || !request.argument("force");
}

bool isSomebody(const Principal& principal, const Services& services, const common::Now& now) {
    return (!principal.expiresAt || now.wall < *principal.expiresAt) &&
           !services.verifier.denies(principal);
}

}  // namespace

std::optional<Reply> refuseTicketHead(const Request& request) {
    return refuseBody(request, longestBody, {});
}

Reply issueTicket(const Request& request, const Principal& owner, Services& services,
                  const common::Now& now) {
    auto wanted = proto::decodeTicketRequest(request.content);
    if (!wanted)
        return refusalReply(
            {400, std::move(wanted.error().message), std::move(wanted.error().field)});
    if (auto fault = faultOf(*wanted)) return refusalReply(*fault);
    if (const auto refusal = refusalAt(*wanted, owner, services))
        return refusalReply(asRefusal(*refusal));
    Ticket ticket;
    ticket.owner = owner;
    ticket.vm = vmAt(wanted->endpoint, owner, services.state);
    ticket.readOnly = wanted->mode != TicketRequest::Mode::write;
    ticket.path = std::move(wanted->endpoint);
    const auto shown =
        services.tickets.issue(std::move(ticket), services.settings.ticketsPerUser, now.mono);
    if (!shown) return tooMany(request, services, now);
    const common::WallClock end = now.wall + Tickets::lifetime;
    return issued(*shown, owner.expiresAt ? std::min(end, *owner.expiresAt) : end);
}

std::optional<Ticket> redeemTicket(const Request& request, Services& services,
                                   const common::Now& now) {
    const std::string* shown = request.ticket();
    if (!shown) return std::nullopt;
    auto ticket = services.tickets.redeem(*shown, now.mono);
    if (!ticket || request.token() || request.path != ticket->path || !agrees(request, *ticket) ||
        !isSomebody(ticket->owner, services, now) ||
        vmAt(request.path, ticket->owner, services.state) != ticket->vm)
        return std::nullopt;
    return ticket;
}

}  // namespace rollo::server
