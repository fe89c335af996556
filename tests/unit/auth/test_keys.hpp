// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <stdexcept>
#include <string>
#include <string_view>

#include "agent/auth/algorithm.hpp"
#include "common/base64url.hpp"
#include "common/unique_handle.hpp"

/// Pairs of keys made on the spot, and what an issuer signs with them.
namespace rollo::auth::tests {

class KeyPair {
  public:
    /// Takes the key; it may be a public one alone.
    explicit KeyPair(EVP_PKEY* key) : key_(key) {
        if (!key) throw std::runtime_error("OpenSSL makes no such key");
    }
    static KeyPair rsa(unsigned bits) {
        return KeyPair(EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{bits}));
    }
    static KeyPair ec(const char* curve) {
        return KeyPair(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
    }
    static KeyPair of(const char* type) {
        return KeyPair(EVP_PKEY_Q_keygen(nullptr, nullptr, type));
    }

    EVP_PKEY* get() const { return key_.get(); }

    std::string publicPem() const {
        const Bio text(BIO_new(BIO_s_mem()));
        PEM_write_bio_PUBKEY(text.get(), key_.get());
        return textOf(text.get());
    }
    std::string privatePem() const {
        const Bio text(BIO_new(BIO_s_mem()));
        PEM_write_bio_PKCS8PrivateKey(text.get(), key_.get(), nullptr, nullptr, 0, nullptr,
                                      nullptr);
        return textOf(text.get());
    }

    /// PKCS #1 or DER, as OpenSSL writes it.
    std::string sign(const EVP_MD* hash, std::string_view input) const {
        const common::UniqueHandle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
        std::string signature(1024, '\0');
        std::size_t size = signature.size();
        if (EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, key_.get()) != 1 ||
            EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           reinterpret_cast<const unsigned char*>(input.data()), input.size()) != 1)
            throw std::runtime_error("OpenSSL cannot sign");
        signature.resize(size);
        return signature;
    }

  private:
    using Bio = common::UniqueHandle<BIO, BIO_free_all>;

    static std::string textOf(BIO* bio) {
        char* bytes = nullptr;
        const long size = BIO_get_mem_data(bio, &bytes);
        return {bytes, static_cast<std::size_t>(size)};
    }

    common::UniqueHandle<EVP_PKEY, EVP_PKEY_free> key_;
};

/// RFC 7518 §3.4: both numbers, each as long as the curve's order.
inline std::string rawSignature(std::string_view der, int numberBytes) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const common::UniqueHandle<ECDSA_SIG, ECDSA_SIG_free> parsed(
        d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())));
    std::string raw(2 * static_cast<std::size_t>(numberBytes), '\0');
    auto* out = reinterpret_cast<unsigned char*>(raw.data());
    BN_bn2binpad(ECDSA_SIG_get0_r(parsed.get()), out, numberBytes);
    BN_bn2binpad(ECDSA_SIG_get0_s(parsed.get()), out + numberBytes, numberBytes);
    return raw;
}

/// A token whose header names that algorithm, signed with that pair.
inline std::string tokenOf(Algorithm algorithm, std::string_view payload, const KeyPair& pair) {
    const std::string_view name = word(algorithm);
    const EVP_MD* hash = name.ends_with("256")   ? EVP_sha256()
                         : name.ends_with("384") ? EVP_sha384()
                                                 : EVP_sha512();
    const std::string header = R"({"alg":")" + std::string(name) + "\"}";
    const std::string input =
        common::encodeBase64Url(header) + "." + common::encodeBase64Url(payload);
    std::string signature = pair.sign(hash, input);
    if (EVP_PKEY_is_a(pair.get(), "EC") == 1)
        signature = rawSignature(signature, (EVP_PKEY_get_bits(pair.get()) + 7) / 8);
    return input + "." + common::encodeBase64Url(signature);
}

}  // namespace rollo::auth::tests
