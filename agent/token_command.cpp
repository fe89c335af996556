// SPDX-License-Identifier: Apache-2.0
#include "agent/token_command.hpp"

#include <fmt/format.h>

#include <charconv>
#include <stdexcept>

#include "agent/auth/key_set.hpp"
#include "agent/auth/token_signer.hpp"
#include "agent/auth/token_verifier.hpp"
#include "agent/auth_setup.hpp"
#include "agent/core/principal.hpp"

namespace rollo::agent {

namespace {

constexpr std::int64_t longestLifetime = 10LL * 366 * 86'400;

std::int64_t secondsIn(std::string_view unit) {
    if (unit.empty() || unit == "s") return 1;
    if (unit == "m") return 60;
    if (unit == "h") return 3600;
    if (unit == "d") return 86'400;
    return 0;
}

/// A word that grants nothing is a slip of whoever typed it.
void checkWords(const TokenOptions& options) {
    for (const std::string& role : options.roles)
        if (!core::permissionsOfRole(role))
            throw std::runtime_error(
                fmt::format("unknown role {}: viewer, operator or admin", role));
    for (const std::string& word : options.permissions)
        if (!core::permission(word))
            throw std::runtime_error(fmt::format("unknown permission {}", word));
}

std::optional<std::vector<std::string>> unlessEmpty(const std::vector<std::string>& list) {
    return list.empty() ? std::nullopt : std::optional(list);
}

/// The agent would take it: a token that it refuses is no use to anybody.
void checkToken(const std::string& token, const AuthConfig& config, common::WallClock now) {
    const auto verified = makeVerifier(config).verify(token, {.mono = {}, .wall = now});
    if (!verified)
        throw std::runtime_error(
            fmt::format("no usable token: {}", auth::describe(verified.error())));
}

}  // namespace

std::optional<std::chrono::seconds> parseLifetime(std::string_view text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc()) return std::nullopt;
    const std::int64_t unit = secondsIn({rest, end});
    if (unit == 0 || number <= 0 || number > longestLifetime / unit) return std::nullopt;
    return std::chrono::seconds(number * unit);
}

std::string makeToken(const TokenOptions& options, const AuthConfig& config,
                      common::WallClock now) {
    if (!config.hs256SecretFile)
        throw std::runtime_error(
            "there is no key to sign a token with: rollo-agent key new makes one");
    const auto lifetime = parseLifetime(options.lifetime);
    if (!lifetime)
        throw std::runtime_error("a lifetime is a number with s, m, h or d, at most ten years");
    checkWords(options);
    const std::string token =
        auth::signToken({.subject = options.subject,
                         .roles = options.roles,
                         .permissions = unlessEmpty(options.permissions),
                         .vms = unlessEmpty(options.vms),
                         .issuer = config.issuer,
                         .audience = config.audience,
                         .lifetime = *lifetime},
                        auth::readHs256SecretFile(*config.hs256SecretFile), now);
    checkToken(token, config, now);
    return token;
}

}  // namespace rollo::agent
