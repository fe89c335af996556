// SPDX-License-Identifier: Apache-2.0
#include "agent/server/tls.hpp"

#include <openssl/ssl.h>

#include <utility>

#include "common/clock.hpp"
#include "common/log.hpp"

namespace rollo::server {
namespace {

namespace log = common::log;

/// Forward secrecy and authenticated encryption alone (RFC 9325 §4.2). TLS 1.3 has nothing else.
constexpr const char* ciphersOfTls12 = "ECDHE+AESGCM:ECDHE+CHACHA20";

/// Where a context keeps its Tls.
int placeInContext() {
    static const int place = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return place;
}

void announce(const TlsFiles& files) {
    log::notice("TLS certificate: {}", files.certificate.description());
    if (const auto complaint = files.certificate.complaint(common::readClocks().wall))
        log::warning("clients will not accept the TLS certificate: {}", *complaint);
    if (files.authorities)
        log::info("authorities whose certificates clients may show: {}", files.authorities->size());
}

}  // namespace

Tls::Tls(TlsFiles files) : files_(std::move(files)) {
    announce(files_);
}

void Tls::prepare(ssl_ctx_st* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, ciphersOfTls12);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // libwebsockets sends the rest of what was cut from a buffer of its own. An idle connection
    // keeps no buffers.
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_cert_cb(
        context,
        [](SSL* handshake, void* self) {
            const auto& files = static_cast<Tls*>(self)->files_;
            if (files.authorities) files.authorities->askFor(handshake);
            return files.certificate.offer(handshake) ? 1 : 0;
        },
        this);
    // A client that comes back proves anew who it is, and no key outlives its connection. Most stay
    // for long, so that this costs little.
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_ex_data(context, placeInContext(), this);
    SSL_CTX_set_info_callback(context, follow);
}

void Tls::follow(const ssl_st* connection, int what, int value) {
    auto* self =
        static_cast<Tls*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), placeInContext()));
    const auto found = self->underWay_.find(SSL_get_fd(connection));
    if (found == self->underWay_.end()) return;
    if ((what & SSL_CB_ALERT) != 0) found->second = SSL_alert_desc_string_long(value);
    if ((what & SSL_CB_HANDSHAKE_DONE) != 0) self->underWay_.erase(found);
}

void Tls::await(int socket) {
    underWay_[socket] = "";
}

std::optional<std::string_view> Tls::failureOf(int socket) {
    const auto found = underWay_.find(socket);
    if (found == underWay_.end()) return std::nullopt;
    const std::string_view alert = found->second;
    underWay_.erase(found);
    return alert;
}

std::optional<ClientCertificate> Tls::certificateOf(ssl_st* connection) const {
    if (!files_.authorities || !connection) return std::nullopt;
    return files_.authorities->verify(connection);
}

void Tls::use(TlsFiles files) {
    files_ = std::move(files);
    announce(files_);
}

}  // namespace rollo::server
