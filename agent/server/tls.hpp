// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string_view>

#include "agent/server/certificate.hpp"
#include "agent/server/client_authorities.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace rollo::server {

/// What the configuration names for TLS, read and checked.
struct TlsFiles {
    Certificate certificate;
    std::optional<ClientAuthorities> authorities;  ///< whose certificates clients may show
};

/// The certificate that new connections by TLS get. Connections that are there keep theirs.
/// Thread: main.
class Tls {
  public:
    explicit Tls(TlsFiles files);
    Tls(const Tls&) = delete;
    Tls& operator=(const Tls&) = delete;

    /// Sets up the handshakes of libwebsockets' virtual host: TLS 1.2 and up (RFC 9325), with the
    /// certificate in force at each. This object has to outlive them.
    void prepare(ssl_ctx_st* context);

    /// In place of what was so far. Without authorities no client is asked for a certificate.
    void use(TlsFiles files);
    /// The certificate that this client has shown, where those authorities vouch for it now.
    std::optional<ClientCertificate> certificateOf(ssl_st* connection) const;

    /// A handshake is to come on this socket, which libwebsockets has or is about to get.
    void await(int socket);
    /// The socket has been closed: why its handshake failed, in words of OpenSSL's own, which may
    /// be none. Nothing where it succeeded.
    std::optional<std::string_view> failureOf(int socket);

  private:
    /// What OpenSSL does (SSL_CTX_set_info_callback(3)).
    static void follow(const ssl_st* connection, int what, int value);

    TlsFiles files_;
    /// The handshakes under way, by socket, each with the latest alert (RFC 8446 §6).
    std::map<int, const char*> underWay_;
};

}  // namespace rollo::server
