// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/auth/key_set.hpp"
#include "agent/config.hpp"
#include "common/clock.hpp"

namespace rollo::agent {

/// What `rollo-agent token` was asked for.
struct TokenOptions {
    std::string subject;
    std::vector<std::string> roles;
    std::vector<std::string> permissions;
    std::vector<std::string> vms;
    std::string lifetime = "1h";
    std::optional<std::string> kid;  ///< of the secret to sign with; empty: the newest one
    bool printId = false;
};

/// `90`, `90s`, `15m`, `12h`, `7d`: seconds where no unit stands; at most ten years.
std::optional<std::chrono::seconds> parseLifetime(std::string_view text);

/// The one to sign with: that whose file was written last, among those with that kid if one is
/// given; null if there is none. Never one of somebody else's set.
const auth::Key* newestSecret(const auth::KeySet& keys,
                              const std::optional<std::string>& kid = std::nullopt);

struct MadeToken {
    std::string text;
    std::string id;  ///< its `jti`: random, for the deny list
};

/// A token signed with a secret of the configuration, with its issuer and audience, so that the
/// agent takes it. Throws std::runtime_error, which says what to change, where an option is
/// unknown, there is no such secret, or the agent would not take the token.
MadeToken makeToken(const TokenOptions& options, const AuthConfig& config, common::WallClock now);

}  // namespace rollo::agent
