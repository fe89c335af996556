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

void announce(const Certificate& certificate) {
    log::notice("TLS certificate: {}", certificate.description());
    if (const auto complaint = certificate.complaint(common::readClocks().wall))
        log::warning("clients will not accept the TLS certificate: {}", *complaint);
}

}  // namespace

Tls::Tls(Certificate certificate) : certificate_(std::move(certificate)) {
    announce(certificate_);
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
            return static_cast<Tls*>(self)->certificate_.offer(handshake) ? 1 : 0;
        },
        this);
}

void Tls::use(Certificate certificate) {
    certificate_ = std::move(certificate);
    announce(certificate_);
}

}  // namespace rollo::server
