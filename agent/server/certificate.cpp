// SPDX-License-Identifier: Apache-2.0
#include "agent/server/certificate.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <array>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "common/file.hpp"
#include "common/unique_handle.hpp"

namespace rollo::server {
namespace {

constexpr std::size_t largestFile = 1024 * 1024;

void freeChain(STACK_OF(X509) * chain) {
    sk_X509_pop_free(chain, X509_free);
}
void freeBio(BIO* bio) {
    BIO_free(bio);
}
using X509Handle = common::UniqueHandle<X509, X509_free>;
using KeyHandle = common::UniqueHandle<EVP_PKEY, EVP_PKEY_free>;
using ChainHandle = common::UniqueHandle<STACK_OF(X509), freeChain>;
using BioHandle = common::UniqueHandle<BIO, freeBio>;
using ContextHandle = common::UniqueHandle<SSL_CTX, SSL_CTX_free>;
using SslHandle = common::UniqueHandle<SSL, SSL_free>;

[[noreturn]] void fail(const std::string& file, std::string_view what) {
    throw std::runtime_error(fmt::format("{}: {}", file, what));
}

/// The reason that OpenSSL gives for its latest error.
std::string lastReason() {
    const auto code = ERR_peek_last_error();
    ERR_clear_error();
    const char* reason = code ? ERR_reason_error_string(code) : nullptr;
    return reason ? reason : "unknown error";
}

std::string read(const std::string& file, bool secret) {
    auto content = common::readFile(file, largestFile);
    if (!content) fail(file, content.error().message());
    if (secret && (content->mode & S_IRWXO) != 0)
        fail(file, "others may read or write this key; chmod o= " + file);
    return std::move(content->bytes);
}

BioHandle reader(const std::string& bytes) {
    return BioHandle(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

/// Else OpenSSL would ask on the terminal.
int noPassphrase(char*, int, int, void*) {
    return -1;
}

KeyHandle readKey(const std::string& file) {
    const std::string bytes = read(file, true);
    KeyHandle key(PEM_read_bio_PrivateKey(reader(bytes).get(), nullptr, noPassphrase, nullptr));
    if (!key) fail(file, "holds no private key in PEM that is not encrypted: " + lastReason());
    return key;
}

std::string text(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return "?";
    std::array<char, 32> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return date.data();
}

std::string subject(X509* certificate) {
    const BioHandle out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), X509_get_subject_name(certificate), 0, XN_FLAG_ONELINE);
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(out.get(), &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

struct Certificate::Pair {
    X509Handle certificate;
    ChainHandle chain;
    KeyHandle key;

    void read(const Files& files) {
        const std::string bytes = server::read(files.certificate, false);
        const BioHandle in = reader(bytes);
        certificate.reset(PEM_read_bio_X509(in.get(), nullptr, noPassphrase, nullptr));
        if (!certificate) fail(files.certificate, "holds no certificate in PEM: " + lastReason());
        chain.reset(sk_X509_new_null());
        while (X509* next = PEM_read_bio_X509(in.get(), nullptr, noPassphrase, nullptr))
            sk_X509_push(chain.get(), next);
        if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
            fail(files.certificate, "its chain cannot be read: " + lastReason());
        ERR_clear_error();
        key = readKey(files.key);
    }
};

Certificate::Certificate(std::unique_ptr<Pair> pair) : pair_(std::move(pair)) {
    X509* certificate = pair_->certificate.get();
    description_ = fmt::format("{}, valid until {}", subject(certificate),
                               text(X509_get0_notAfter(certificate)));
}

Certificate::Certificate(Certificate&&) noexcept = default;
Certificate& Certificate::operator=(Certificate&&) noexcept = default;
Certificate::~Certificate() = default;

Certificate Certificate::load(const Files& files) {
    auto pair = std::make_unique<Pair>();
    pair->read(files);
    if (X509_check_private_key(pair->certificate.get(), pair->key.get()) != 1) {
        ERR_clear_error();
        fail(files.key, fmt::format("this key does not belong to {}", files.certificate));
    }
    Certificate result(std::move(pair));
    // What is too weak for OpenSSL's level of security shows here, and not in handshakes.
    const ContextHandle context(SSL_CTX_new(TLS_server_method()));
    const SslHandle trial(context ? SSL_new(context.get()) : nullptr);
    if (!trial || !result.offer(trial.get()))
        fail(files.certificate, "OpenSSL does not take it: " + lastReason());
    return result;
}

std::optional<std::string> Certificate::complaint(common::WallClock now) const {
    std::time_t time = std::chrono::system_clock::to_time_t(now);
    const X509* certificate = pair_->certificate.get();
    if (X509_cmp_time(X509_get0_notAfter(certificate), &time) < 0)
        return "it ended at " + text(X509_get0_notAfter(certificate));
    if (X509_cmp_time(X509_get0_notBefore(certificate), &time) > 0)
        return "it begins at " + text(X509_get0_notBefore(certificate));
    return std::nullopt;
}

bool Certificate::offer(ssl_st* handshake) const {
    return SSL_use_cert_and_key(handshake, pair_->certificate.get(), pair_->key.get(),
                                pair_->chain.get(), 1) == 1;
}

}  // namespace rollo::server
