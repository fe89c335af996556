// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/server/certificate.hpp"

struct ssl_ctx_st;

namespace rollo::server {

/// The certificate that new connections by TLS get. Connections that are there keep theirs.
/// Thread: main.
class Tls {
  public:
    explicit Tls(Certificate certificate);
    Tls(const Tls&) = delete;
    Tls& operator=(const Tls&) = delete;

    /// Sets up the handshakes of libwebsockets' virtual host: TLS 1.2 and up (RFC 9325), with the
    /// certificate in force at each. This object has to outlive them.
    void prepare(ssl_ctx_st* context);

    /// In place of the one so far.
    void use(Certificate certificate);

  private:
    Certificate certificate_;
};

}  // namespace rollo::server
