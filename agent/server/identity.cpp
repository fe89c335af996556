// SPDX-License-Identifier: Apache-2.0
#include "agent/server/identity.hpp"

#include <utility>

namespace rollo::server {

Identity identify(const Request& request, Services& services, const common::Now& now) {
    if (const std::string* token = request.token()) {
        auto principal = services.verifier.verify(*token, now);
        if (principal) return {std::move(*principal), {}};
        return {std::nullopt, std::string(auth::describe(principal.error()))};
    }
    if (services.settings.anonymous) return {core::Principal::anonymous(), {}};
    return {std::nullopt, "no token"};
}

std::optional<proto::Farewell> revocation(const core::Principal& principal,
                                          const Services& services) {
    if (!principal.user && !services.settings.anonymous) return proto::farewell::tokenMissing;
    if (services.verifier.denies(principal)) return proto::farewell::accessRevoked;
    return std::nullopt;
}

}  // namespace rollo::server
