// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/public_numbers.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <stdexcept>

#include "common/unique_handle.hpp"

namespace rollo::auth {

namespace {

using Number = common::UniqueHandle<BIGNUM, BN_free>;
using Builder = common::UniqueHandle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = common::UniqueHandle<OSSL_PARAM, OSSL_PARAM_free>;
using PublicKey = common::UniqueHandle<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = common::UniqueHandle<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Bio = common::UniqueHandle<BIO, BIO_free_all>;

constexpr std::size_t longestModulus = 16'384 / 8;

[[noreturn]] void refuse(const char* why) {
    ERR_clear_error();
    throw std::runtime_error(why);
}

Number number(std::string_view bytes) {
    Number made(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size()), nullptr));
    if (!made) refuse("has a number that cannot be read");
    return made;
}

std::string pemOf(EVP_PKEY* key) {
    const Bio text(BIO_new(BIO_s_mem()));
    if (!text || PEM_write_bio_PUBKEY(text.get(), key) != 1) refuse("cannot be written");
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(text.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

std::string pemOf(const char* type, OSSL_PARAM_BLD* builder, const char* otherwise) {
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY* made = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
        refuse(otherwise);
    const PublicKey key(made);
    return pemOf(key.get());
}

std::size_t fieldBytes(Algorithm algorithm) {
    if (algorithm == Algorithm::es256) return 32;
    return algorithm == Algorithm::es384 ? 48 : 66;
}

}  // namespace

std::string rsaPem(std::string_view modulus, std::string_view exponent) {
    if (modulus.size() > longestModulus || exponent.size() > longestModulus)
        refuse("has more than 16384 bits");
    const Number n = number(modulus);
    const Number e = number(exponent);
    const Builder builder(OSSL_PARAM_BLD_new());
    if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        refuse("cannot be built");
    return pemOf("RSA", builder.get(), "is no RSA key");
}

std::string ecPem(Algorithm algorithm, std::string_view x, std::string_view y) {
    if (x.size() != fieldBytes(algorithm) || y.size() != fieldBytes(algorithm))
        refuse("has coordinates of another length than its curve's");
    // SEC 1 §2.3.3: an uncompressed point.
    const std::string point = std::string("\x04").append(x).append(y);
    const std::string_view group = curve(algorithm);
    const Builder builder(OSSL_PARAM_BLD_new());
    if (!builder ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                        group.size()) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1)
        refuse("cannot be built");
    return pemOf("EC", builder.get(), "is no point on its curve");
}

}  // namespace rollo::auth
