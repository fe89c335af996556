// SPDX-License-Identifier: Apache-2.0
#include "agent/server/identity.hpp"

#include <utility>

#include "agent/server/services.hpp"
#include "agent/server/ticketing.hpp"
#include "common/log.hpp"

namespace rollo::server {
namespace {

namespace log = common::log;

Identity nobody(std::string_view error, proto::Farewell farewell) {
    Identity identity;
    identity.error = error;
    identity.farewell = farewell;
    return identity;
}

Identity notLookedAt(std::chrono::milliseconds wait) {
    Identity identity;
    identity.reason = Refused::tokenRate;
    identity.farewell = proto::farewell::rateLimited;
    identity.wait = wait;
    return identity;
}

Identity somebody(core::Principal principal) {
    Identity identity;
    identity.principal = std::move(principal);
    return identity;
}

Identity verify(std::string_view token, const Peer& peer, Services& services,
                const common::Now& now) {
    const auto& settings = services.settings;
    const auto site = services.admission.limits().siteOf(peer.address);
    const double perMinute = settings.tokenFailuresPerMinute;
    const auto wait = site ? services.tokenFailures.until(*site, perMinute, now.mono)
                           : std::chrono::milliseconds::zero();
    if (wait > wait.zero()) return notLookedAt(wait);
    auto principal = services.verifier.verify(token, now);
    if (principal) return somebody(std::move(*principal));
    // The others cost little, or are an honest client's whose token has just expired.
    if (site && principal.error() == auth::TokenError::badSignature)
        services.tokenFailures.note(*site, perMinute, now.mono);
    return nobody(auth::describe(principal.error()), proto::farewell::tokenInvalid);
}

/// Whom the first of the certificate's names that the configuration knows stands for.
std::optional<core::Principal> certified(const Request& request, const Settings& settings) {
    if (!request.certificate) return std::nullopt;
    for (const std::string& name : request.certificate->names) {
        const auto client = settings.clients.find(name);
        if (client == settings.clients.end()) continue;
        core::Principal principal = client->second;
        principal.user = name;
        principal.expiresAt = request.certificate->end;
        return principal;
    }
    log::debug("{}: its certificate has no name that stands in tls.clients", request.peer.text);
    return std::nullopt;
}

Identity identifyQuietly(const Request& request, Services& services, const common::Now& now) {
    if (request.ticket()) {
        auto ticket = redeemTicket(request, services, now);
        if (!ticket) return nobody("ticket not valid here", proto::farewell::tokenInvalid);
        Identity identity = somebody(std::move(ticket->owner));
        identity.readOnly = ticket->readOnly;
        return identity;
    }
    if (const std::string* token = request.token())
        return verify(*token, request.peer, services, now);
    if (auto principal = certified(request, services.settings)) {
        if (!services.verifier.denies(*principal)) return somebody(std::move(*principal));
        return nobody(auth::describe(auth::TokenError::denied), proto::farewell::accessRevoked);
    }
    if (services.settings.anonymous) return somebody(core::Principal::anonymous());
    return nobody("no token", proto::farewell::tokenMissing);
}

Identity counted(Identity identity, const Peer& peer, Services& services, const common::Now& now) {
    if (!identity.principal)
        services.refusals.note(identity.reason, peer.text, now.mono, identity.error);
    return identity;
}

}  // namespace

Identity identify(const Request& request, Services& services, const common::Now& now) {
    return counted(identifyQuietly(request, services, now), request.peer, services, now);
}

Identity identifyByToken(std::string_view token, const Peer& peer, Services& services,
                         const common::Now& now) {
    return counted(verify(token, peer, services, now), peer, services, now);
}

Reply refuseNobody(const Identity& nobody) {
    if (nobody.reason == Refused::tokenRate)
        return laterReply({429, "too many bad tokens have come from this address"}, nobody.wait);
    return refusalReply({401, "a valid token is needed"});
}

std::optional<proto::Farewell> revocation(const core::Principal& principal,
                                          const Services& services) {
    if (!principal.user && !services.settings.anonymous) return proto::farewell::tokenMissing;
    if (services.verifier.denies(principal)) return proto::farewell::accessRevoked;
    return std::nullopt;
}

}  // namespace rollo::server
