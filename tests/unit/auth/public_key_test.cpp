// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/public_key.hpp"

#include <doctest/doctest.h>
#include <openssl/param_build.h>

#include <stdexcept>

#include "agent/auth/key_set.hpp"
#include "unit/auth/test_keys.hpp"

using namespace rollo::auth;
using namespace rollo::auth::tests;

namespace {

/// Why a key set refuses it; empty: taken.
std::string refusal(Algorithm algorithm, const std::string& pem) {
    try {
        KeySet keys;
        keys.add({.algorithm = algorithm, .kid = std::nullopt, .material = pem});
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

const KeyPair& rsa2048() {
    static const KeyPair pair = KeyPair::rsa(2048);
    return pair;
}
const KeyPair& p256() {
    static const KeyPair pair = KeyPair::ec("P-256");
    return pair;
}

/// An RSA key of numbers that nobody should choose.
std::string rsaPem(const BIGNUM* modulus, unsigned long exponent) {
    using rollo::common::UniqueHandle;
    const UniqueHandle<BIGNUM, BN_free> e(BN_new());
    BN_set_word(e.get(), exponent);
    const UniqueHandle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus);
    OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
    const UniqueHandle<OSSL_PARAM, OSSL_PARAM_free> numbers(OSSL_PARAM_BLD_to_param(builder.get()));
    const UniqueHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context.get());
    REQUIRE(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, numbers.get()) == 1);
    return KeyPair(key).publicPem();
}

}  // namespace

TEST_CASE("a key that serves its algorithm is taken") {
    for (const auto algorithm : {Algorithm::rs256, Algorithm::rs384, Algorithm::rs512})
        CHECK(refusal(algorithm, rsa2048().publicPem()) == "");
    CHECK(refusal(Algorithm::es256, p256().publicPem()) == "");
    CHECK(refusal(Algorithm::es384, KeyPair::ec("P-384").publicPem()) == "");
    CHECK(refusal(Algorithm::es512, KeyPair::ec("P-521").publicPem()) == "");
}

TEST_CASE("an RSA key has at least 2048 bits, and is an RSA key") {
    CHECK(refusal(Algorithm::rs256, KeyPair::rsa(1024).publicPem()) ==
          "the RS256 key has 1024 bits; RSA needs at least 2048");
    CHECK(refusal(Algorithm::rs512, KeyPair::rsa(2047).publicPem()) ==
          "the RS512 key has 2047 bits; RSA needs at least 2048");
    CHECK(refusal(Algorithm::rs256, p256().publicPem()) == "the RS256 key is no RSA key");
    CHECK(refusal(Algorithm::rs256, KeyPair::of("ED25519").publicPem()) ==
          "the RS256 key is no RSA key");
}

TEST_CASE("an EC key is on the curve that the algorithm names") {
    CHECK(refusal(Algorithm::es384, p256().publicPem()) ==
          "the ES384 key is no key on the curve secp384r1");
    CHECK(refusal(Algorithm::es512, p256().publicPem()) ==
          "the ES512 key is no key on the curve secp521r1");
    // As many bits as the right one.
    for (const char* other : {"secp256k1", "brainpoolP256r1"})
        CHECK(refusal(Algorithm::es256, KeyPair::ec(other).publicPem()) ==
              "the ES256 key is no key on the curve prime256v1");
    for (const char* type : {"ED25519", "X25519"})
        CHECK(refusal(Algorithm::es256, KeyPair::of(type).publicPem()) ==
              "the ES256 key is no key on the curve prime256v1");
    CHECK(refusal(Algorithm::es256, rsa2048().publicPem()) ==
          "the ES256 key is no key on the curve prime256v1");
}

TEST_CASE("a key that anybody could sign for is not sound") {
    BIGNUM* modulus = nullptr;
    EVP_PKEY_get_bn_param(rsa2048().get(), OSSL_PKEY_PARAM_RSA_N, &modulus);
    const rollo::common::UniqueHandle<BIGNUM, BN_free> owner(modulus);
    CHECK(refusal(Algorithm::rs256, rsaPem(modulus, 65537)) == "");
    CHECK(refusal(Algorithm::rs256, rsaPem(modulus, 1)) == "the RS256 key is not a sound key");
    CHECK(refusal(Algorithm::rs256, rsaPem(modulus, 4)) == "the RS256 key is not a sound key");
    BN_set_bit(modulus, 0);
    BN_sub_word(modulus, 1);
    CHECK(refusal(Algorithm::rs256, rsaPem(modulus, 65537)) == "the RS256 key is not a sound key");
}

TEST_CASE("a private key is not taken, and none of it stands in the message") {
    for (const KeyPair* pair : {&rsa2048(), &p256()}) {
        const auto algorithm = pair == &p256() ? Algorithm::es256 : Algorithm::rs256;
        const std::string expected = "the " + std::string(word(algorithm)) +
                                     " key is a private key; only its public half belongs here "
                                     "(openssl pkey -pubout)";
        CHECK(refusal(algorithm, pair->privatePem()) == expected);
        CHECK(refusal(algorithm, pair->publicPem() + pair->privatePem()) == expected);
        CHECK(refusal(algorithm, pair->privatePem() + pair->publicPem()) == expected);
    }
}

TEST_CASE("a text is one PEM with one public key") {
    const std::string pem = p256().publicPem();
    CHECK(refusal(Algorithm::es256, pem + KeyPair::ec("P-256").publicPem()) ==
          "the ES256 key has more than one PEM block");
    std::string cut = pem;
    cut.erase(cut.size() / 2, 8);
    std::string certificate = pem;
    for (auto at = certificate.find("PUBLIC KEY"); at != certificate.npos;
         at = certificate.find("PUBLIC KEY"))
        certificate.replace(at, 10, "CERTIFICATE");
    const std::string encrypted =
        "-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-128-CBC,000102030405060708090A0B0C0D0E0F\n\n" +
        pem.substr(pem.find('\n') + 1);
    for (const std::string& text :
         {std::string(), std::string("\0", 1), std::string("a secret of 32 bytes and a few more"),
          cut, certificate, encrypted, pem.substr(0, pem.size() / 2)}) {
        CAPTURE(text);
        CHECK(refusal(Algorithm::es256, text) == "the ES256 key is no PEM with a PUBLIC KEY");
    }
}

TEST_CASE("what stands around the key is not kept") {
    const std::string pem = p256().publicPem();
    CHECK(readPublicKey(Algorithm::es256, "# of the portal\n" + pem + "more\n") == pem);
}
