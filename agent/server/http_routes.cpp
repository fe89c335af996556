// SPDX-License-Identifier: Apache-2.0
#include "agent/server/http_routes.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "agent/core/console_report.hpp"
#include "agent/server/opening.hpp"
#include "agent/server/path_pattern.hpp"
#include "common/json_writer.hpp"
#include "proto/codec.hpp"

namespace rollo::server {
namespace {

using common::Now;
using core::Permission;
using core::Principal;

struct Call {
    const Services& services;
    const Principal& principal;
    const Request& request;
    std::string_view name;  ///< what the path has where the route has braces
    const Now& now;
};

struct Route {
    std::string_view path;                 ///< with braces where a name stands
    std::optional<Permission> permission;  ///< empty: open to everybody
    Reply (*handle)(const Call& call);
};

Reply json(int status, std::string body) {
    return {status, "application/json", std::move(body), {}, {}};
}

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
                                   call.request.peer, "", identity.name, identity.uuid,
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
                    "/ws/console/{{id, uuid or name}}\n"
                    "HTTP:      /healthz  /readyz  /metrics  /api/v1/server  /api/v1/vms  "
                    "/api/v1/vms/{{id, uuid or name}}\n",
                    call.services.state.server.agentVersion, call.services.state.server.hostname),
        {},
        {}};
}

constexpr std::string_view metricsPath = "/metrics";

constexpr std::array routes = {
    Route{"/", std::nullopt, welcome},
    Route{"/healthz", std::nullopt, health},
    Route{"/readyz", std::nullopt, ready},
    Route{metricsPath, Permission::statsView, metrics},
    Route{"/api/v1/server", Permission::serverView, server},
    Route{"/api/v1/server/history", Permission::serverView, serverHistory},
    Route{"/api/v1/vms", Permission::vmView, vms},
    Route{"/api/v1/vms/{vm}", Permission::vmView, vm},
    Route{"/api/v1/vms/{vm}/history", Permission::vmView, vmHistory},
    Route{"/api/v1/vms/{vm}/console", Permission::consoleRead, consoles},
    Route{"/api/v1/vms/{vm}/console/log", Permission::consoleRead, consoleLog},
};

const Route* find(std::string_view path, std::string_view& name) {
    for (const auto& route : routes) {
        const auto found = matchPath(route.path, path);
        if (!found) continue;
        name = *found;
        return &route;
    }
    return nullptr;
}

bool permitted(const Principal& principal, Permission permission) {
    // A principal that is bound to some VMs sees nothing of the server.
    return permission == Permission::serverView ? principal.mayViewServer()
                                                : principal.permissions.has(permission);
}

std::string_view reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 204:
            return "No Content";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 429:
            return "Too Many Requests";
        case 503:
            return "Service Unavailable";
        default:
            return "Error";
    }
}

std::string_view codeWord(int status) {
    switch (status) {
        case 400:
            return "bad_request";
        case 401:
            return "unauthorized";
        case 403:
            return "forbidden";
        case 404:
            return "not_found";
        case 405:
            return "method_not_allowed";
        case 429:
            return "too_many_requests";
        case 503:
            return "unavailable";
        default:
            return "error";
    }
}

}  // namespace

Identity identify(const std::string* token, const Services& services, const Now& now) {
    if (token) {
        auto principal = services.verifier.verify(*token, now);
        if (principal) return {std::move(*principal), {}};
        return {std::nullopt, std::string(auth::describe(principal.error()))};
    }
    if (services.settings.anonymous) return {Principal::anonymous(), {}};
    return {std::nullopt, "no token"};
}

Reply refusalReply(const Refusal& refusal) {
    common::JsonWriter out;
    out.beginObject();
    out.member("code", codeWord(refusal.status));
    out.member("message", refusal.message);
    out.endObject();
    return json(refusal.status, std::string(out.text()));
}

Reply attachment(std::string_view filename, std::string body) {
    std::string safe;
    for (const char c : filename) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        safe += plain ? c : '_';
    }
    Reply reply{200, "application/octet-stream", std::move(body), {}, {}};
    reply.headers = fmt::format("content-disposition: attachment; filename=\"{}\"\r\n", safe);
    return reply;
}

Reply answer(const Request& request, const Services& services, const Now& now) {
    std::string_view name;
    const Route* route = find(request.path, name);
    if (!route) {
        if (isEndpoint(request.path))
            return refusalReply({400, "this is a WebSocket endpoint: an upgrade is needed"});
        return refusalReply({404, "there is nothing at this path"});
    }
    if (request.method != "GET" && request.method != "HEAD") {
        Reply reply = refusalReply({405, "only GET and HEAD are answered here"});
        reply.allow = "GET, HEAD";
        return reply;
    }
    const bool open =
        !route->permission || (route->path == metricsPath && services.settings.publicMetrics);
    if (open) return route->handle({services, Principal::anonymous(), request, name, now});
    const Identity identity = identify(request.token(), services, now);
    if (!identity.principal) return refusalReply({401, "a valid token is needed"});
    if (!permitted(*identity.principal, *route->permission))
        return refusalReply({403, "permission denied"});
    return route->handle({services, *identity.principal, request, name, now});
}

std::string head(const Reply& reply) {
    std::string text = fmt::format("HTTP/1.1 {} {}\r\n", reply.status, reason(reply.status));
    // RFC 9110 §8.6: a 204 has no length.
    if (reply.status != 204)
        text += fmt::format("content-type: {}\r\ncontent-length: {}\r\n", reply.contentType,
                            reply.body.size());
    text += "cache-control: no-store\r\nx-content-type-options: nosniff\r\nvary: origin\r\n";
    if (reply.status == 401) text += "www-authenticate: Bearer\r\n";
    if (!reply.allow.empty()) text += fmt::format("allow: {}\r\n", reply.allow);
    text += reply.headers;
    return text + "\r\n";
}

}  // namespace rollo::server
