// SPDX-License-Identifier: Apache-2.0
#include "agent/server/http_routes.hpp"

#include <algorithm>
#include <array>
#include <expected>
#include <tuple>

#include <fmt/format.h>

#include "agent/core/console_report.hpp"
#include "agent/server/event_log.hpp"
#include "agent/server/identity.hpp"
#include "agent/server/opening.hpp"
#include "agent/server/path_pattern.hpp"
#include "agent/server/publishing.hpp"
#include "agent/server/ticketing.hpp"
#include "common/json_writer.hpp"
#include "proto/codec.hpp"

namespace rollo::server {
namespace {

using common::Now;
using core::Permission;
using core::Principal;

struct Call {
    Services& services;
    const Principal& principal;
    const Request& request;
    std::string_view name;  ///< what the path has where the route has braces
    const Now& now;
};

struct Route {
    std::string_view path;                 ///< with braces where a name stands
    std::optional<Permission> permission;  ///< empty: open to everybody
    Reply (*handle)(const Call& call);
    std::string_view method = "GET";     ///< which HEAD goes with
    std::optional<Permission> orElse{};  ///< one that is as good as `permission`
    /// For one that takes a body: what the headers alone decide.
    std::optional<Reply> (*refuseHead)(const Call& call) = nullptr;
    bool bearer = false;  ///< open to everybody who shows a token in the header
};

Reply health(const Call&) {
    return json(200, R"({"status":"ok"})");
}

Reply ready(const Call& call) {
    const auto& state = call.services.state;
    const bool connected = state.server.libvirtConnected;
    common::JsonWriter out;
    out.beginObject();
    out.member("ready", connected && state.inventoryRead);
    out.member("libvirt_connected", connected);
    out.member("inventory_read", state.inventoryRead);
    out.endObject();
    return json(connected && state.inventoryRead ? 200 : 503, std::string(out.text()));
}

Reply server(const Call& call) {
    const auto& state = call.services.state;
    const auto* metrics = state.serverMetrics ? &*state.serverMetrics : nullptr;
    return json(200, proto::encodeServer(state.server, metrics, call.now));
}

Reply vms(const Call& call) {
    std::vector<proto::VmState> visible;
    for (const auto& [uuid, vm] : call.services.state.vms)
        if (call.principal.mayView(vm.info.identity)) visible.push_back(vm.view());
    std::sort(visible.begin(), visible.end(), [](const auto& a, const auto& b) {
        return a.info->identity.id < b.info->identity.id;
    });
    return json(200, proto::encodeVms(visible, call.now));
}

Reply operations(const Call& call) {
    std::vector<const proto::Progress*> audible;
    for (const auto& [id, operation] : call.services.state.operations)
        if (core::mayHear(call.principal, core::topicOf(operation))) audible.push_back(&operation);
    return json(200, proto::encodeOperations(audible));
}

/// The severest first, and of those the latest.
Reply alerts(const Call& call) {
    std::vector<const proto::Alert*> audible;
    for (const auto& [id, alert] : call.services.state.alerts)
        if (core::mayHear(call.principal, core::topicOf(alert))) audible.push_back(&alert);
    std::ranges::stable_sort(audible, [](const proto::Alert* left, const proto::Alert* right) {
        return std::tie(left->severity, left->firstSeen) >
               std::tie(right->severity, right->firstSeen);
    });
    return json(200, proto::encodeAlerts(audible));
}

const core::Vm* namedVm(const Call& call) {
    return core::findVm(call.services.state, std::string(call.name), call.principal);
}

Reply noSuchVm() {
    return refusalReply({404, "there is no such VM"});
}

Reply vm(const Call& call) {
    const auto* found = namedVm(call);
    return found ? json(200, proto::encodeVm(found->view(), call.now)) : noSuchVm();
}

Reply vmHistory(const Call& call) {
    const auto* found = namedVm(call);
    if (!found) return noSuchVm();
    const auto& timeline = call.services.state.timeline;
    const auto series = found->history.since(timeline.begin(call.now.mono));
    return json(200, proto::encodeVmHistory(timeline.times(call.now.mono),
                                            {found->info.identity.id, series}, call.now));
}

Reply serverHistory(const Call& call) {
    const auto& state = call.services.state;
    const auto series = state.serverHistory.since(state.timeline.begin(call.now.mono));
    return json(200,
                proto::encodeServerHistory(state.timeline.times(call.now.mono), series, call.now));
}

Reply noConsoles() {
    return refusalReply({403, "this host serves no consoles (console.enabled)"});
}

Reply consoles(const Call& call) {
    if (!call.services.consoles.settings().enabled) return noConsoles();
    const auto* found = namedVm(call);
    if (!found) return noSuchVm();
    return json(200, proto::encodeConsoles(core::describeConsoles(*found, call.services.consoles)));
}

Reply consoleLog(const Call& call) {
    if (!call.services.consoles.settings().enabled) return noConsoles();
    const auto range = readConsoleRange(call.request);
    if (!range) return refusalReply(range.error());
    const auto* found = namedVm(call);
    if (!found) return noSuchVm();
    const auto* device = core::findDevice(*found, range->device);
    if (!device) return refusalReply({404, "there is no such console"});
    const auto& identity = found->info.identity;
    const auto* console = call.services.consoles.find(identity.uuid, device->alias);
    call.services.consoles.record({"reads the log by HTTP", call.principal.user.value_or(""),
                                   call.request.peer.text, "", identity.name, identity.uuid,
                                   device->alias});
    return attachment(fmt::format("{}-{}.log", identity.name, device->alias),
                      core::consoleText(console, range->from, range->tail));
}

Reply metrics(const Call& call) {
    const auto& write = call.services.metricsText;
    return {200, "text/plain; version=0.0.4; charset=utf-8", write ? write() : std::string(), {}};
}

Reply welcome(const Call& call) {
    return {
        200,
        "text/plain; charset=utf-8",
        fmt::format("Rollo host agent {} on {}\n\n"
                    "WebSocket: /ws/monitor  /ws/vm/{{id, uuid or name}}  /ws/server/self  "
                    "/ws/console/{{id, uuid or name}}  /ws/stats\n"
                    "HTTP:      /healthz  /readyz  /metrics  /api/v1/server  /api/v1/vms  "
                    "/api/v1/vms/{{id, uuid or name}}  /api/v1/operations  /api/v1/alerts  "
                    "/api/v1/events  /api/v1/tickets (POST)\n",
                    call.services.state.server.agentVersion, call.services.state.server.hostname),
        {},
        {}};
}

constexpr std::string_view metricsPath = "/metrics";
constexpr auto events = [](const Call& call) {
    return missedEvents(call.request, call.principal, call.services);
};
constexpr auto publishHead = [](const Call& call) {
    return refuseHead(call.request, call.principal, call.services, call.now);
};
constexpr auto publish = [](const Call& call) {
    return publishEvents(call.request, call.principal, call.services, call.now);
};
constexpr auto ticketHead = [](const Call& call) { return refuseTicketHead(call.request); };
constexpr auto tickets = [](const Call& call) {
    return issueTicket(call.request, call.principal, call.services, call.now);
};

constexpr std::array routes = {
    Route{"/", std::nullopt, welcome},
    Route{"/healthz", std::nullopt, health},
    Route{"/readyz", std::nullopt, ready},
    Route{metricsPath, Permission::statsView, metrics},
    Route{"/api/v1/server", Permission::serverView, server},
    Route{"/api/v1/server/history", Permission::serverView, serverHistory},
    Route{"/api/v1/vms", Permission::vmView, vms},
    Route{"/api/v1/operations", Permission::vmView, operations},
    Route{"/api/v1/vms/{vm}", Permission::vmView, vm},
    Route{"/api/v1/alerts", Permission::vmView, alerts, "GET", Permission::serverView},
    Route{"/api/v1/vms/{vm}/history", Permission::vmView, vmHistory},
    Route{"/api/v1/vms/{vm}/console", Permission::consoleRead, consoles},
    Route{"/api/v1/vms/{vm}/console/log", Permission::consoleRead, consoleLog},
    Route{"/api/v1/events", Permission::vmView, events, "GET", Permission::serverView},
    Route{"/api/v1/events", Permission::eventsPublish, publish, "POST", {}, publishHead},
    Route{"/api/v1/tickets", std::nullopt, tickets, "POST", {}, ticketHead, true},
};

bool answers(const Route& route, std::string_view method) {
    return method == route.method || (method == "HEAD" && route.method == "GET");
}

struct Found {
    const Route* route = nullptr;
    std::string_view name;
    std::string allow;  ///< where the path has routes and the method none
};

Found find(const Request& request) {
    Found found;
    for (const auto& route : routes) {
        if (request.peer.publisher && route.permission != Permission::eventsPublish) continue;
        const auto name = matchPath(route.path, request.path);
        if (!name) continue;
        if (answers(route, request.method)) return {&route, *name, {}};
        found.allow += fmt::format("{}{}", found.allow.empty() ? "" : ", ",
                                   route.method == "GET" ? "GET, HEAD" : route.method);
    }
    return found;
}

Reply nowhere(const Request& request, const std::string& allow) {
    if (!allow.empty()) {
        Reply reply = refusalReply({405, fmt::format("only {} is answered here", allow)});
        reply.allow = allow;
        return reply;
    }
    if (!endpointOf(request.path).empty() && !request.peer.publisher)
        return refusalReply({400, "this is a WebSocket endpoint: an upgrade is needed"});
    return refusalReply({404, "there is nothing at this path"});
}

bool has(const Principal& principal, Permission permission) {
    // A principal that is bound to some VMs sees nothing of what is about all of them.
    if (permission == Permission::serverView) return principal.mayViewServer();
    if (permission == Permission::statsView) return principal.mayViewStats();
    return principal.permissions.has(permission);
}

bool permitted(const Principal& principal, const Route& route) {
    return !route.permission || has(principal, *route.permission) ||
           (route.orElse && has(principal, *route.orElse));
}

Reply noBearer(const Request& request, Services& services, const Now& now) {
    services.refusals.note(Refused::token, request.peer.text, now.mono, "no token in the header");
    return refuseNobody({});
}

/// A request that may go to its route.
struct Admitted {
    const Route& route;
    std::string_view name;
    Principal principal;
};

std::expected<Admitted, Reply> admit(const Request& request, Services& services, const Now& now) {
    const auto found = find(request);
    if (!found.route) return std::unexpected(nowhere(request, found.allow));
    const Route& route = *found.route;
    const bool open = (!route.permission && !route.bearer) ||
                      (route.path == metricsPath && services.settings.publicMetrics);
    if (open) return Admitted{route, found.name, Principal::anonymous()};
    if (request.peer.publisher) return Admitted{route, found.name, Principal::publisher()};
    if (route.bearer && !request.bearer) return std::unexpected(noBearer(request, services, now));
    Identity identity = identify(request, services, now);
    if (!identity.principal) return std::unexpected(refuseNobody(identity));
    if (!permitted(*identity.principal, route))
        return std::unexpected(refusalReply({403, "permission denied"}));
    return Admitted{route, found.name, std::move(*identity.principal)};
}

Call callOf(const Admitted& admitted, const Request& request, Services& services, const Now& now) {
    return {services, admitted.principal, request, admitted.name, now};
}

}  // namespace

std::optional<Reply> answerHead(const Request& request, Services& services, const Now& now) {
    auto admitted = admit(request, services, now);
    if (!admitted) return std::move(admitted.error());
    const Route& route = admitted->route;
    const Call call = callOf(*admitted, request, services, now);
    return route.refuseHead ? route.refuseHead(call) : route.handle(call);
}

Reply answer(const Request& request, Services& services, const Now& now) {
    auto admitted = admit(request, services, now);
    if (!admitted) return std::move(admitted.error());
    return admitted->route.handle(callOf(*admitted, request, services, now));
}

}  // namespace rollo::server
