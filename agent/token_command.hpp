// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
};

/// `90`, `90s`, `15m`, `12h`, `7d`: seconds where no unit stands; at most ten years.
std::optional<std::chrono::seconds> parseLifetime(std::string_view text);

/// A token signed with the secret of the configuration, with its issuer and audience, so that the
/// agent takes it. Throws std::runtime_error, which says what to change, where an option is unknown
/// or no secret is set.
std::string makeToken(const TokenOptions& options, const AuthConfig& config, common::WallClock now);

}  // namespace rollo::agent
