// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "agent/server/certificate.hpp"
#include "agent/server/client_authorities.hpp"
#include "common/clock.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace rollo::server {

/// The certificate that new connections by TLS get, kept up to date: when its files change, or
/// others are named, they are read and checked, and a pair that is not good leaves the old one in
/// force. Connections that are there keep theirs.
/// Thread: main.
class Tls {
  public:
    /// Throws as Certificate::load does.
    explicit Tls(const Certificate::Files& files);
    Tls(const Tls&) = delete;
    Tls& operator=(const Tls&) = delete;

    /// Sets up the handshakes of libwebsockets' virtual host: TLS 1.2 and up (RFC 9325), with the
    /// certificate in force at each. This object has to outlive them.
    void prepare(ssl_ctx_st* context);

    /// Whose certificates clients may show from now on; nothing: no client is asked for one.
    void trust(std::optional<ClientAuthorities> authorities);
    /// The certificate that this client has shown, where those authorities vouch for it now.
    std::optional<ClientCertificate> certificateOf(ssl_st* connection) const;

    /// A handshake is to come on this socket, which libwebsockets has or is about to get.
    void await(int socket);
    /// The socket has been closed: why its handshake failed, in words of OpenSSL's own, which may
    /// be none. Nothing where it succeeded.
    std::optional<std::string_view> failureOf(int socket);

    /// Reads these files, at once.
    void use(const Certificate::Files& files);
    /// Looks whether the files have changed (stat(2)) and are left alone since the last look, as
    /// one is replaced after the other. About once a second.
    void tick();

  private:
    struct Stamp {
        dev_t device = 0;
        ino_t inode = 0;
        off_t size = 0;
        timespec changed{};

        bool operator==(const Stamp& other) const;
    };
    using Stamps = std::array<std::optional<Stamp>, 2>;

    static std::optional<Stamp> stampOf(const std::string& file);
    Stamps stamps() const;
    void reload();
    /// What OpenSSL does (SSL_CTX_set_info_callback(3)).
    static void follow(const ssl_st* connection, int what, int value);

    Certificate::Files files_;
    Stamps seen_;     ///< of the files when they were read
    Stamps noticed_;  ///< at the last look
    Certificate certificate_;
    std::optional<ClientAuthorities> authorities_;
    /// The handshakes under way, by socket, each with the latest alert (RFC 8446 §6).
    std::map<int, const char*> underWay_;
};

}  // namespace rollo::server
