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
#include "common/random.hpp"

namespace rollo::agent {

namespace {

constexpr std::int64_t longestLifetime = 10LL * 366 * 86'400;
constexpr std::size_t idBytes = 16;

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

const auth::Key& signingKey(const auth::KeySet& keys, const std::optional<std::string>& kid) {
    if (const auth::Key* key = newestSecret(keys, kid)) return *key;
    if (kid)
        throw std::runtime_error(fmt::format(
            "there is no secret with the kid {}: rollo-agent key list shows those there are",
            *kid));
    throw std::runtime_error("there is no key to sign a token with: rollo-agent key new makes one");
}

std::chrono::seconds lifetimeOf(const TokenOptions& options, const AuthConfig& config) {
    const auto lifetime = parseLifetime(options.lifetime);
    if (!lifetime)
        throw std::runtime_error("a lifetime is a number with s, m, h or d, at most ten years");
    if (*lifetime > config.maxLifetime)
        throw std::runtime_error(
            fmt::format("the agent takes no token that is valid for longer than {} seconds "
                        "(auth.max_lifetime_seconds)",
                        config.maxLifetime.count()));
    return *lifetime;
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

const auth::Key* newestSecret(const auth::KeySet& keys, const std::optional<std::string>& kid) {
    const auth::Key* newest = nullptr;
    for (const auth::Key& key : keys.keys()) {
        const bool signs = auth::leastSecret(key.algorithm) && key.written;
        if (!signs || (kid && key.kid != kid)) continue;
        if (!newest || key.written > newest->written) newest = &key;
    }
    return newest;
}

MadeToken makeToken(const TokenOptions& options, const AuthConfig& config, common::WallClock now) {
    const auto verifier = makeVerifier(config);
    const auth::Key& key = signingKey(verifier.keys(), options.kid);
    const auto lifetime = lifetimeOf(options, config);
    checkWords(options);
    MadeToken token{.text = {}, .id = common::randomHex(idBytes)};
    token.text = auth::signToken({.subject = options.subject,
                                  .roles = options.roles,
                                  .permissions = unlessEmpty(options.permissions),
                                  .vms = unlessEmpty(options.vms),
                                  .issuer = config.issuer,
                                  .audience = config.audience,
                                  .id = token.id,
                                  .lifetime = lifetime},
                                 key, now);
    // One that the agent refuses is no use to anybody.
    const auto verified = verifier.verify(token.text, {.mono = {}, .wall = now});
    if (!verified)
        throw std::runtime_error(
            fmt::format("no usable token: {}", auth::describe(verified.error())));
    return token;
}

}  // namespace rollo::agent
