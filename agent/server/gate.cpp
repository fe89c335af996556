// SPDX-License-Identifier: Apache-2.0
#include "agent/server/gate.hpp"

#include <fmt/format.h>

namespace rollo::server {
namespace {

const std::string* pointer(const std::optional<std::string>& text) {
    return text ? &*text : nullptr;
}

std::optional<Refusal> refuseHost(const Request& request, const AllowedHosts& allowed) {
    if (!request.knownVersion) return Refusal{400, "the request must be one of HTTP/1.1"};
    if (!request.host) {
        // RFC 9112 §3.2. No browser speaks HTTP/1.0, so that nobody is led astray by one.
        if (!request.http11) return std::nullopt;
        return Refusal{400, "the header Host is missing"};
    }
    // Who can open the socket's file is on this host, unless it speaks for others.
    const bool isHere = !request.peer.address && !request.peer.proxy;
    if (isHere || allowed.allows(*request.host)) return std::nullopt;
    return Refusal{403, "this server does not answer to that name (server.allowed_hosts)"};
}

}  // namespace

std::expected<AllowedOrigins::Kind, Denial> passGate(const Request& request,
                                                     const Settings& settings) {
    if (auto refusal = refuseHost(request, settings.allowedHosts))
        return std::unexpected(Denial{Refused::host, std::move(*refusal)});
    const auto kind = settings.allowedOrigins.judge(pointer(request.origin), pointer(request.host),
                                                    request.peer.tls);
    if (kind != AllowedOrigins::Kind::foreign) return kind;
    return std::unexpected(Denial{
        Refused::origin, {403, "pages of that origin are not allowed (server.allowed_origins)"}});
}

Reply turnAwayReply(Refused reason) {
    const bool full = reason == Refused::connections;
    const bool fast = reason == Refused::connectionRate;
    Reply reply = refusalReply(full   ? Refusal{503, "as many connections as there may be"}
                               : fast ? Refusal{429, "too many new connections from this address"}
                                      : Refusal{429, "too many connections from this address"});
    reply.headers = fmt::format("retry-after: {}\r\n", fast ? 1 : 5);
    return reply;
}

}  // namespace rollo::server
