// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/jwks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <expected>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "agent/auth/guarded_file.hpp"
#include "agent/auth/public_numbers.hpp"
#include "common/base64url.hpp"
#include "common/json_reader.hpp"

namespace rollo::auth {

namespace {

using common::Json;

constexpr std::size_t largestFile = 1024 * 1024;
constexpr common::JsonLimits jsonLimits{
    .bytes = largestFile, .depth = 8, .nodes = 20'000, .keyBytes = 128};

/// Members of RFC 7518 §6.2.2 and §6.3.2 that only private keys have.
constexpr std::array<std::string_view, 7> privateMembers{"d", "p", "q", "dp", "dq", "qi", "oth"};

struct Curve {
    std::string_view crv;
    Algorithm algorithm;
};
/// RFC 7518 §6.2.1.1 and §3.4.
constexpr std::array<Curve, 3> curves{
    {{"P-256", Algorithm::es256}, {"P-384", Algorithm::es384}, {"P-521", Algorithm::es512}}};

/// Or why a key is not for us, which is no mistake of anybody's.
template <class T>
using ForUs = std::expected<T, std::string_view>;

[[noreturn]] void refuse(std::string_view why) {
    throw std::runtime_error(std::string(why));
}

/// A member that is a text if it is there.
std::optional<std::string_view> text(const Json& jwk, std::string_view name) {
    const Json* member = jwk.find(name);
    if (!member) return std::nullopt;
    if (!member->string()) refuse(fmt::format("its {} is no text", name));
    return *member->string();
}

/// A member that has to be there, decoded.
std::string bytes(const Json& jwk, std::string_view name) {
    const auto encoded = text(jwk, name);
    if (!encoded) refuse(fmt::format("it has no {}", name));
    auto decoded = common::decodeBase64Url(*encoded);
    if (!decoded) refuse(fmt::format("its {} is not base64url", name));
    return std::move(*decoded);
}

bool isForVerifying(const Json& jwk) {
    if (text(jwk, "use").value_or("sig") != "sig") return false;
    const Json* operations = jwk.find("key_ops");
    if (!operations) return true;
    if (!operations->array()) refuse("its key_ops are no list");
    return std::ranges::any_of(*operations->array(), [](const Json& each) {
        return each.string() && *each.string() == "verify";
    });
}

const Curve* findCurve(std::string_view crv) {
    const auto* found = std::ranges::find(curves, crv, &Curve::crv);
    return found == curves.end() ? nullptr : found;
}

/// What a key is for that does not say so itself.
ForUs<Algorithm> impliedAlgorithm(std::string_view kty, const Curve* curve) {
    if (kty == "RSA") return Algorithm::rs256;
    if (kty == "oct") return std::unexpected("it has no alg");
    if (!curve) return std::unexpected("its crv is none of P-256, P-384 and P-521");
    return curve->algorithm;
}

/// Whether a key of that sort can serve the algorithm.
void checkFits(Algorithm algorithm, std::string_view kty, const Curve* curve) {
    const std::string_view needed = leastSecret(algorithm)           ? "oct"
                                    : auth::curve(algorithm).empty() ? "RSA"
                                                                     : "EC";
    if (kty != needed) refuse("its alg does not go with its kty");
    if (kty == "EC" && (!curve || curve->algorithm != algorithm))
        refuse("its alg does not go with its crv");
}

ForUs<Algorithm> algorithmOf(const Json& jwk, std::string_view kty) {
    if (kty != "RSA" && kty != "EC" && kty != "oct")
        return std::unexpected("its kty is none of RSA, EC and oct");
    if (!isForVerifying(jwk)) return std::unexpected("it is not for signatures");
    const Curve* curve = findCurve(text(jwk, "crv").value_or(""));
    const auto named = text(jwk, "alg");
    if (!named) return impliedAlgorithm(kty, curve);
    const auto algorithm = auth::algorithmOf(*named);
    if (!algorithm) return std::unexpected("its alg is none that the agent knows");
    checkFits(*algorithm, kty, curve);
    return *algorithm;
}

std::string materialOf(const Json& jwk, Algorithm algorithm) {
    if (leastSecret(algorithm)) return bytes(jwk, "k");
    if (curve(algorithm).empty()) return rsaPem(bytes(jwk, "n"), bytes(jwk, "e"));
    return ecPem(algorithm, bytes(jwk, "x"), bytes(jwk, "y"));
}

bool isSecret(const Json& jwk) {
    const Json* kty = jwk.find("kty");
    return kty && kty->string() && *kty->string() == "oct";
}

ForUs<Key> keyOf(const Json& jwk) {
    if (!jwk.object()) refuse("is no object");
    const auto kty = text(jwk, "kty");
    if (!kty) refuse("it has no kty");
    if (!isSecret(jwk) &&
        std::ranges::any_of(privateMembers, [&](auto name) { return jwk.find(name) != nullptr; }))
        refuse("is a private key; only its public half belongs here");
    const auto algorithm = algorithmOf(jwk, *kty);
    if (!algorithm) return std::unexpected(algorithm.error());
    Key key;
    key.algorithm = *algorithm;
    key.material = materialOf(jwk, *algorithm);
    if (const auto kid = text(jwk, "kid")) key.kid = std::string(*kid);
    return key;
}

/// `where`: the file and the key's place in it.
void addKey(KeySet& keys, const Json& jwk, const std::string& path, const std::string& where) try {
    auto key = keyOf(jwk);
    if (!key) {
        keys.leaveOut(fmt::format("{} is left out: {}", where, key.error()));
        return;
    }
    key->file = path;
    keys.add(std::move(*key));
} catch (const std::runtime_error& error) {
    throw std::runtime_error(fmt::format("{}: {}", where, error.what()));
}

const Json::Array& keysOf(const Json& document, const std::string& path) {
    const Json* keys = document.find("keys");
    if (!keys || !keys->array())
        throw std::runtime_error(path + ": is no key set: an object with a list `keys`");
    return *keys->array();
}

}  // namespace

void addJwksFile(KeySet& keys, const std::string& path) {
    const auto file = readGuardedFile(path, largestFile);
    const auto document = common::readJson(file.bytes, jsonLimits);
    if (!document)
        throw std::runtime_error(
            fmt::format("{}: {} (byte {})", path, document.error().what, document.error().offset));
    const Json::Array& list = keysOf(*document, path);
    if (std::ranges::any_of(list, isSecret)) checkIsSecret(path, file.mode);
    for (std::size_t i = 0; i < list.size(); ++i)
        addKey(keys, list[i], path, fmt::format("{}: keys[{}]", path, i));
}

}  // namespace rollo::auth
