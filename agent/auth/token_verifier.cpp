// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/token_verifier.hpp"

#include <array>
#include <utility>

#include "agent/auth/claims.hpp"
#include "agent/auth/jwt_handle.hpp"
#include "common/base64url.hpp"
#include "common/json_reader.hpp"

namespace rollo::auth {

namespace {

constexpr std::size_t longestToken = 4096;
constexpr common::JsonLimits jsonLimits{
    .bytes = longestToken, .depth = 8, .nodes = 1024, .keyBytes = 128};

/// The two readable parts of a token; the signature is libjwt's business.
struct Parts {
    common::Json header;
    common::Json payload;
};

std::optional<common::Json> readSegment(std::string_view segment) {
    const auto bytes = common::decodeBase64Url(segment);
    if (!bytes) return std::nullopt;
    auto json = common::readJson(*bytes, jsonLimits);
    if (!json || !json->object()) return std::nullopt;
    return std::move(*json);
}

/// RFC 7515 §7.1: three segments, none of them empty, each the one text of its bytes.
/// libjwt takes more and writes out of bounds on less.
std::optional<Parts> split(std::string_view token) {
    std::array<std::string_view, 3> segments;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        const bool last = i + 1 == segments.size();
        const auto dot = token.find('.');
        if ((dot == token.npos) != last) return std::nullopt;
        segments[i] = token.substr(0, dot);
        if (segments[i].empty()) return std::nullopt;
        if (!last) token.remove_prefix(dot + 1);
    }
    auto header = readSegment(segments[0]);
    auto payload = readSegment(segments[1]);
    if (!header || !payload || !common::decodeBase64Url(segments[2])) return std::nullopt;
    return Parts{std::move(*header), std::move(*payload)};
}

std::expected<const Key*, TokenError> chooseKey(const KeySet& keys, const common::Json& header) {
    // RFC 7515 §4.1.11: whoever understands none of the extensions must refuse.
    if (header.find("crit")) return std::unexpected(TokenError::unsupportedHeader);
    const common::Json* algorithm = header.find("alg");
    if (!algorithm || !algorithm->string()) return std::unexpected(TokenError::malformed);
    std::optional<std::string_view> kid;
    if (const common::Json* named = header.find("kid")) {
        if (!named->string()) return std::unexpected(TokenError::malformed);
        kid = *named->string();
    }
    const Key* key = keys.find(*algorithm->string(), kid);
    if (!key) return std::unexpected(TokenError::unknownKey);
    return key;
}

bool signatureHolds(std::string_view token, const Key& key) {
    // libjwt checks nothing at all where there is no key.
    if (key.material.empty()) return false;
    jwt_t* decoded = nullptr;
    const int failed =
        jwt_decode(&decoded, std::string(token).c_str(), keyBytes(key), keySize(key));
    const JwtHandle jwt(decoded);
    return failed == 0 && jwt && jwt_get_alg(jwt.get()) == jwtAlgorithm(key.algorithm);
}

}  // namespace

std::string_view describe(TokenError error) {
    switch (error) {
        case TokenError::tooLong:
            return "token too long";
        case TokenError::malformed:
            return "no well-formed token";
        case TokenError::unsupportedHeader:
            return "token with critical extensions";
        case TokenError::unknownKey:
            return "no key for the token's algorithm and key id";
        case TokenError::badSignature:
            return "token signature wrong";
        case TokenError::badClaims:
            return "token claims missing or of the wrong type";
        case TokenError::expired:
            return "token expired";
        case TokenError::notYetValid:
            return "token not yet valid";
        case TokenError::wrongIssuer:
            return "token of another issuer";
        case TokenError::wrongAudience:
            return "token for another audience";
        case TokenError::tooLongLived:
            return "token valid for longer than auth.max_lifetime_seconds";
        case TokenError::denied:
            return "its user or the token stands in auth.deny_file";
    }
    return "token not accepted";
}

TokenVerifier::TokenVerifier(KeySet keys, VerifierSettings settings, DenyList denied)
    : keys_(std::move(keys)), settings_(std::move(settings)), denied_(std::move(denied)) {}

std::expected<core::Principal, TokenError> TokenVerifier::verify(std::string_view token,
                                                                 const common::Now& now) const {
    if (token.size() > longestToken) return std::unexpected(TokenError::tooLong);
    const auto parts = split(token);
    if (!parts) return std::unexpected(TokenError::malformed);
    const auto key = chooseKey(keys_, parts->header);
    if (!key) return std::unexpected(key.error());
    if (!signatureHolds(token, **key)) return std::unexpected(TokenError::badSignature);
    auto principal = principalOf(parts->payload, settings_, now.wall);
    if (principal && denied_.denies(*principal)) return std::unexpected(TokenError::denied);
    return principal;
}

}  // namespace rollo::auth
