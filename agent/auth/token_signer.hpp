// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/auth/key_set.hpp"
#include "common/clock.hpp"

namespace rollo::auth {

/// The claims of a token to be made; what is empty is left out.
struct TokenRequest {
    std::string subject;
    std::vector<std::string> roles;
    std::optional<std::vector<std::string>> permissions;
    /// Integers become integer ids, everything else a UUID or a name.
    std::optional<std::vector<std::string>> vms;
    std::optional<std::string> issuer;
    std::optional<std::string> audience;
    std::optional<std::string> id;  ///< `jti`, by which it can be denied
    std::chrono::seconds lifetime{3600};
};

/// A token (RFC 7519, compact JWS) signed with that key. Throws std::runtime_error if libjwt
/// cannot.
std::string signToken(const TokenRequest& request, const Key& key, common::WallClock now);

}  // namespace rollo::auth
