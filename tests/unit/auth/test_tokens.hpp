// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/hmac.h>

#include <array>
#include <string>
#include <string_view>

#include "agent/auth/key_set.hpp"
#include "common/base64url.hpp"
#include "common/clock.hpp"

/// Tokens as an attacker or another issuer may make them: any header, any payload, any key.
namespace rollo::auth::tests {

inline const std::string secret = "0123456789abcdef0123456789abcdef";
inline constexpr std::string_view hs256Header = R"({"alg":"HS256","typ":"JWT"})";

/// 2026-01-01T00:00:00Z, the present of all tests.
inline const common::WallClock present{std::chrono::seconds(1767225600)};
inline common::Now now() {
    return {common::Monotonic{}, present};
}

inline Key key(Algorithm algorithm = Algorithm::hs256, std::string material = secret) {
    return {.algorithm = algorithm, .kid = std::nullopt, .material = std::move(material)};
}

inline std::string hmac(Algorithm algorithm, std::string_view material, std::string_view input) {
    const EVP_MD* hash = algorithm == Algorithm::hs256   ? EVP_sha256()
                         : algorithm == Algorithm::hs384 ? EVP_sha384()
                                                         : EVP_sha512();
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned int size = 0;
    HMAC(hash, material.data(), static_cast<int>(material.size()),
         reinterpret_cast<const unsigned char*>(input.data()), input.size(), digest.data(), &size);
    return {reinterpret_cast<const char*>(digest.data()), size};
}

inline std::string tokenOf(std::string_view header, std::string_view payload,
                           Algorithm algorithm = Algorithm::hs256,
                           std::string_view material = secret) {
    const std::string input =
        common::encodeBase64Url(header) + "." + common::encodeBase64Url(payload);
    return input + "." + common::encodeBase64Url(hmac(algorithm, material, input));
}

}  // namespace rollo::auth::tests
