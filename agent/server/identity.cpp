// SPDX-License-Identifier: Apache-2.0
#include "agent/server/identity.hpp"

#include <utility>

#include "common/log.hpp"

namespace rollo::server {

namespace log = common::log;

namespace {

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

}  // namespace

Identity identify(const Request& request, Services& services, const common::Now& now) {
    if (const std::string* token = request.token()) {
        auto principal = services.verifier.verify(*token, now);
        if (principal) return {std::move(*principal), {}};
        return {std::nullopt, std::string(auth::describe(principal.error()))};
    }
    if (auto principal = certified(request, services.settings)) {
        if (!services.verifier.denies(*principal)) return {std::move(*principal), {}};
        return {std::nullopt, std::string(auth::describe(auth::TokenError::denied))};
    }
    if (services.settings.anonymous) return {core::Principal::anonymous(), {}};
    return {std::nullopt, "no token"};
}

}  // namespace rollo::server
