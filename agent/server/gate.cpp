// SPDX-License-Identifier: Apache-2.0
#include "agent/server/gate.hpp"

namespace rollo::server {
namespace {

const std::string* pointer(const std::optional<std::string>& text) {
    return text ? &*text : nullptr;
}

std::optional<Refusal> refuseHost(const Request& request, const Peer& peer,
                                  const AllowedHosts& allowed) {
    if (!request.knownVersion) return Refusal{400, "the request must be one of HTTP/1.1"};
    if (!request.host) {
        // RFC 9112 §3.2. No browser speaks HTTP/1.0, so that nobody is led astray by one.
        if (!request.http11) return std::nullopt;
        return Refusal{400, "the header Host is missing"};
    }
    // Who can open the socket's file is on this host.
    if (!peer.address || allowed.allows(*request.host)) return std::nullopt;
    return Refusal{403, "this server does not answer to that name (server.allowed_hosts)"};
}

}  // namespace

std::expected<AllowedOrigins::Kind, Denial> passGate(const Request& request, const Peer& peer,
                                                     const Settings& settings) {
    if (auto refusal = refuseHost(request, peer, settings.allowedHosts))
        return std::unexpected(Denial{Refused::host, std::move(*refusal)});
    const auto kind =
        settings.allowedOrigins.judge(pointer(request.origin), pointer(request.host), peer.tls);
    if (kind != AllowedOrigins::Kind::foreign) return kind;
    return std::unexpected(Denial{
        Refused::origin, {403, "pages of that origin are not allowed (server.allowed_origins)"}});
}

}  // namespace rollo::server
