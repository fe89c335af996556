// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/public_key.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <stdexcept>

#include "common/unique_handle.hpp"

namespace rollo::auth {

namespace {

using Bio = common::UniqueHandle<BIO, BIO_free_all>;
using PublicKey = common::UniqueHandle<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = common::UniqueHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;

constexpr int leastRsaBits = 2048;

[[noreturn]] void refuse(std::string_view why) {
    ERR_clear_error();
    throw std::runtime_error(std::string(why));
}

/// OpenSSL's own would ask for a passphrase on the terminal.
int noPassphrase(char*, int, int, void*) {
    return -1;
}

PublicKey parse(std::string_view pem) {
    constexpr std::string_view begin = "-----BEGIN ";
    if (pem.find("PRIVATE KEY-----") != pem.npos)
        refuse("is a private key; only its public half belongs here (openssl pkey -pubout)");
    const auto first = pem.find(begin);
    if (first != pem.npos && pem.find(begin, first + 1) != pem.npos)
        refuse("has more than one PEM block");
    const Bio text(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    PublicKey key(PEM_read_bio_PUBKEY(text.get(), nullptr, noPassphrase, nullptr));
    if (!key) refuse("is no PEM with a PUBLIC KEY");
    return key;
}

void checkRsa(EVP_PKEY* key) {
    if (EVP_PKEY_is_a(key, "RSA") != 1) refuse("is no RSA key");
    if (EVP_PKEY_get_bits(key) < leastRsaBits)
        refuse(fmt::format("has {} bits; RSA needs at least {}", EVP_PKEY_get_bits(key),
                           leastRsaBits));
}

void checkCurve(std::string_view curve, EVP_PKEY* key) {
    std::array<char, 64> name{};
    std::size_t length = 0;
    const bool known = EVP_PKEY_is_a(key, "EC") == 1 &&
                       EVP_PKEY_get_group_name(key, name.data(), name.size(), &length) == 1;
    if (!known || std::string_view(name.data(), length) != curve)
        refuse(fmt::format("is no key on the curve {}", curve));
}

/// RSA: an exponent that is odd and over 1, a modulus that is no prime; EC: a point on the curve.
void checkSound(EVP_PKEY* key) {
    const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
    if (!context || EVP_PKEY_public_check(context.get()) != 1) refuse("is not a sound key");
}

std::string write(EVP_PKEY* key) {
    const Bio text(BIO_new(BIO_s_mem()));
    if (!text || PEM_write_bio_PUBKEY(text.get(), key) != 1) refuse("cannot be written");
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(text.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

std::string readPublicKey(Algorithm algorithm, std::string_view pem) {
    const PublicKey key = parse(pem);
    if (curve(algorithm).empty())
        checkRsa(key.get());
    else
        checkCurve(curve(algorithm), key.get());
    checkSound(key.get());
    return write(key.get());
}

int publicKeyBits(std::string_view pem) {
    return EVP_PKEY_get_bits(parse(pem).get());
}

}  // namespace rollo::auth
