// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/claims.hpp"

#include <algorithm>
#include <variant>

namespace rollo::auth {

namespace {

using common::Json;
using common::WallClock;

constexpr std::size_t longestName = 256;
/// Later times than this (the year 2200) would overflow what the clocks count.
constexpr std::int64_t latestTime = 7'258'118'400;
/// A token that names permissions alone.
constexpr std::string_view noRole = "";

/// An optional NumericDate; only integers, as nobody else agrees on what the others mean.
std::expected<std::optional<WallClock>, TokenError> timeOf(const Json& claims,
                                                           std::string_view name) {
    const Json* claim = claims.find(name);
    if (!claim) return std::nullopt;
    if (!claim->integer()) return std::unexpected(TokenError::badClaims);
    const std::int64_t seconds = std::clamp<std::int64_t>(*claim->integer(), 0, latestTime);
    return WallClock(std::chrono::seconds(seconds));
}

std::expected<WallClock, TokenError> checkTimes(const Json& claims,
                                                const VerifierSettings& settings, WallClock now) {
    const auto expires = timeOf(claims, "exp");
    const auto begins = timeOf(claims, "nbf");
    const auto issued = timeOf(claims, "iat");
    if (!expires || !*expires || !begins || !issued) return std::unexpected(TokenError::badClaims);
    const auto leeway = settings.leeway;
    if (now >= **expires + leeway) return std::unexpected(TokenError::expired);
    if (*begins && now + leeway < **begins) return std::unexpected(TokenError::notYetValid);
    const bool longFromNow = **expires - now > settings.maxLifetime + leeway;
    if (longFromNow || (*issued && **expires - **issued > settings.maxLifetime))
        return std::unexpected(TokenError::tooLongLived);
    return **expires;
}

bool isText(const Json* claim, std::string_view expected) {
    return claim && claim->string() && *claim->string() == expected;
}

/// RFC 7519 §4.1.3: one audience, or a list of them.
bool audienceMatches(const Json* claim, std::string_view expected) {
    if (!claim || !claim->array()) return isText(claim, expected);
    return std::ranges::any_of(*claim->array(),
                               [&](const Json& each) { return isText(&each, expected); });
}

/// The strings of a list; nothing for anything else.
std::optional<std::vector<std::string>> textsOf(const Json& claim) {
    if (!claim.array()) return std::nullopt;
    std::vector<std::string> texts;
    for (const Json& each : *claim.array()) {
        if (!each.string()) return std::nullopt;
        texts.push_back(*each.string());
    }
    return texts;
}

std::optional<std::vector<std::string>> rolesOf(const Json& claims) {
    std::vector<std::string> roles;
    if (const Json* list = claims.find("roles")) {
        auto texts = textsOf(*list);
        if (!texts) return std::nullopt;
        roles = std::move(*texts);
    }
    if (const Json* role = claims.find("role")) {
        if (!role->string()) return std::nullopt;
        roles.push_back(*role->string());
    }
    return roles;
}

bool takeRoles(const Json& claims, core::Principal& principal) {
    const auto roles = rolesOf(claims);
    if (!roles) return false;
    principal.role = noRole;
    for (const std::string& role : *roles) principal.addRole(role);  // unknown ones grant nothing
    return true;
}

/// The list replaces what the role grants; words that are not known grant nothing.
bool takePermissions(const Json& claims, core::Principal& principal) {
    const Json* claim = claims.find("permissions");
    if (!claim) return true;
    const auto words = textsOf(*claim);
    if (!words) return false;
    principal.permissions = {};
    for (const std::string& word : *words)
        if (const auto permission = core::permission(word)) principal.permissions.add(*permission);
    return true;
}

std::optional<core::VmScope> scopeOf(const Json& entry) {
    if (const std::int64_t* id = entry.integer()) return *id;
    if (!entry.string()) return std::nullopt;
    if (const auto uuid = proto::Uuid::parse(*entry.string())) return *uuid;
    return *entry.string();
}

bool takeVms(const Json& claims, core::Principal& principal) {
    const Json* claim = claims.find("vms");
    if (!claim) return true;
    if (!claim->array()) return false;
    std::vector<core::VmScope> scopes;
    for (const Json& entry : *claim->array()) {
        auto scope = scopeOf(entry);
        if (!scope) return false;
        scopes.push_back(std::move(*scope));
    }
    principal.vms = std::move(scopes);
    return true;
}

/// The text by which a person or a token is told from others; nothing for anything else.
std::optional<std::string> nameIn(const Json& claim) {
    const std::string* name = claim.string();
    if (!name || name->empty() || name->size() > longestName) return std::nullopt;
    return *name;
}

bool takeNames(const Json& claims, core::Principal& principal) {
    const Json* subject = claims.find("sub");
    if (!subject) return false;
    principal.user = nameIn(*subject);
    const Json* id = claims.find("jti");
    if (id) principal.tokenId = nameIn(*id);
    return principal.user && (!id || principal.tokenId);
}

}  // namespace

std::expected<core::Principal, TokenError> principalOf(const Json& claims,
                                                       const VerifierSettings& settings,
                                                       WallClock now) {
    const auto expires = checkTimes(claims, settings, now);
    if (!expires) return std::unexpected(expires.error());
    if (settings.issuer && !isText(claims.find("iss"), *settings.issuer))
        return std::unexpected(TokenError::wrongIssuer);
    if (settings.audience && !audienceMatches(claims.find("aud"), *settings.audience))
        return std::unexpected(TokenError::wrongAudience);

    core::Principal principal;
    principal.expiresAt = *expires;
    const bool understood = takeNames(claims, principal) && takeRoles(claims, principal) &&
                            takePermissions(claims, principal) && takeVms(claims, principal);
    if (!understood) return std::unexpected(TokenError::badClaims);
    return principal;
}

}  // namespace rollo::auth
