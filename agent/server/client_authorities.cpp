// SPDX-License-Identifier: Apache-2.0
#include "agent/server/client_authorities.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "common/file.hpp"
#include "common/unique_handle.hpp"

namespace rollo::server {
namespace {

constexpr std::size_t largestFile = 1024 * 1024;
/// Later times than this (the year 2200) would overflow what the clocks count.
constexpr std::time_t latestTime = 7'258'118'400;

void freeBio(BIO* bio) {
    BIO_free(bio);
}
void freeNames(STACK_OF(X509_NAME) * names) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
}
using BioHandle = common::UniqueHandle<BIO, freeBio>;
using X509Handle = common::UniqueHandle<X509, X509_free>;
using StoreHandle = common::UniqueHandle<X509_STORE, X509_STORE_free>;
using NamesHandle = common::UniqueHandle<STACK_OF(X509_NAME), freeNames>;
using ContextHandle = common::UniqueHandle<X509_STORE_CTX, X509_STORE_CTX_free>;
using AlternativesHandle = common::UniqueHandle<GENERAL_NAMES, GENERAL_NAMES_free>;

[[noreturn]] void fail(const std::string& file, std::string_view what) {
    throw std::runtime_error(fmt::format("{}: {}", file, what));
}

/// Nothing for what is no text, or has a NUL in it, which C would take for its end.
std::optional<std::string> textOf(const ASN1_STRING* value) {
    unsigned char* bytes = nullptr;
    const int size = ASN1_STRING_to_UTF8(&bytes, value);
    if (size < 0) return std::nullopt;
    const std::string text(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    if (text.empty() || text.find('\0') != std::string::npos) return std::nullopt;
    return text;
}

std::vector<std::string> alternativeNames(const X509* certificate) {
    const AlternativesHandle entries(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::vector<std::string> names;
    if (!entries) return names;
    for (int i = 0; i < sk_GENERAL_NAME_num(entries.get()); ++i) {
        const GENERAL_NAME* entry = sk_GENERAL_NAME_value(entries.get(), i);
        if (entry->type != GEN_DNS && entry->type != GEN_EMAIL) continue;
        if (auto name = textOf(entry->d.ia5)) names.push_back(std::move(*name));
    }
    return names;
}

/// Nothing where there are several, of which none is more its name than the others.
std::optional<std::string> commonName(const X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return std::nullopt;
    return textOf(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
}

std::vector<std::string> namesOf(const X509* certificate) {
    auto names = alternativeNames(certificate);
    if (!names.empty()) return names;
    if (auto name = commonName(certificate)) names.push_back(std::move(*name));
    return names;
}

std::optional<common::WallClock> endOf(const X509* certificate) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return std::nullopt;
    return common::WallClock(
        std::chrono::seconds(std::clamp<std::time_t>(::timegm(&parts), 0, latestTime)));
}

}  // namespace

struct ClientAuthorities::Store {
    StoreHandle certificates{X509_STORE_new()};
    NamesHandle names{sk_X509_NAME_new_null()};

    void read(const std::string& file) {
        const auto content = common::readFile(file, largestFile);
        if (!content) fail(file, content.error().message());
        const auto& bytes = content->bytes;
        const BioHandle in(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
        while (const X509Handle next{PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)})
            add(next.get(), file);
        const bool atEnd = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        ERR_clear_error();
        if (!atEnd) fail(file, "a certificate in it cannot be read");
        if (sk_X509_NAME_num(names.get()) == 0) fail(file, "holds no certificate in PEM");
    }

    void add(X509* certificate, const std::string& file) {
        if (X509_check_ca(certificate) == 0)
            fail(file, "holds a certificate that is no authority's (basicConstraints CA:TRUE)");
        X509_STORE_add_cert(certificates.get(), certificate);
        sk_X509_NAME_push(names.get(), X509_NAME_dup(X509_get_subject_name(certificate)));
    }
};

ClientAuthorities::ClientAuthorities(std::unique_ptr<Store> store) : store_(std::move(store)) {}
ClientAuthorities::ClientAuthorities(ClientAuthorities&&) noexcept = default;
ClientAuthorities& ClientAuthorities::operator=(ClientAuthorities&&) noexcept = default;
ClientAuthorities::~ClientAuthorities() = default;

ClientAuthorities ClientAuthorities::load(const std::string& file) {
    auto store = std::make_unique<Store>();
    store->read(file);
    return ClientAuthorities(std::move(store));
}

std::size_t ClientAuthorities::size() const {
    return static_cast<std::size_t>(sk_X509_NAME_num(store_->names.get()));
}

void ClientAuthorities::askFor(ssl_st* handshake) const {
    SSL_set_verify(handshake, SSL_VERIFY_PEER, nullptr);
    SSL_set1_verify_cert_store(handshake, store_->certificates.get());
    // The connection's own from then on.
    SSL_set_client_CA_list(handshake, SSL_dup_CA_list(store_->names.get()));
}

std::optional<ClientCertificate> ClientAuthorities::verify(ssl_st* connection) const {
    X509* shown = SSL_get0_peer_certificate(connection);
    if (!shown) return std::nullopt;
    const ContextHandle context(X509_STORE_CTX_new());
    const bool good = context &&
                      X509_STORE_CTX_init(context.get(), store_->certificates.get(), shown,
                                          SSL_get_peer_cert_chain(connection)) == 1 &&
                      X509_STORE_CTX_set_default(context.get(), "ssl_client") == 1 &&
                      X509_verify_cert(context.get()) == 1;
    ERR_clear_error();
    const auto end = endOf(shown);
    if (!good || !end) return std::nullopt;
    return ClientCertificate{namesOf(shown), *end};
}

}  // namespace rollo::server
