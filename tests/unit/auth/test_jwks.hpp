// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/core_names.h>

#include <string>

#include "unit/auth/test_keys.hpp"

/// Keys as identity providers publish them (RFC 7517).
namespace rollo::auth::tests {

/// A number of a key, big-endian.
inline std::string numberOf(const KeyPair& pair, const char* name) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(pair.get(), name, &number) != 1)
        throw std::runtime_error("the key has no such number");
    const common::UniqueHandle<BIGNUM, BN_free> owner(number);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
    return bytes;
}

/// The public half's own members, without `kty`'s braces.
inline std::string rsaMembers(const KeyPair& pair) {
    return R"("kty":"RSA","n":")" + common::encodeBase64Url(numberOf(pair, OSSL_PKEY_PARAM_RSA_N)) +
           R"(","e":")" + common::encodeBase64Url(numberOf(pair, OSSL_PKEY_PARAM_RSA_E)) + "\"";
}

inline std::string ecMembers(const KeyPair& pair, const std::string& crv) {
    const std::size_t size = (static_cast<std::size_t>(EVP_PKEY_get_bits(pair.get())) + 7) / 8;
    const auto coordinate = [&](const char* name) {
        const std::string number = numberOf(pair, name);
        return common::encodeBase64Url(std::string(size - number.size(), '\0') + number);
    };
    return R"("kty":"EC","crv":")" + crv + R"(","x":")" + coordinate(OSSL_PKEY_PARAM_EC_PUB_X) +
           R"(","y":")" + coordinate(OSSL_PKEY_PARAM_EC_PUB_Y) + "\"";
}

inline std::string octMembers(std::string_view secret) {
    return R"("kty":"oct","k":")" + common::encodeBase64Url(secret) + "\"";
}

}  // namespace rollo::auth::tests
