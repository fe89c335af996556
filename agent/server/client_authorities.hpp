// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "agent/server/client_certificate.hpp"

struct ssl_st;

namespace rollo::server {

/// Whose certificates clients may show (`[tls] client_ca_file`).
class ClientAuthorities {
  public:
    /// Reads their certificates from a file in PEM. Throws std::runtime_error, which names the file
    /// and what is wrong with it.
    static ClientAuthorities load(const std::string& file);
    ClientAuthorities(ClientAuthorities&&) noexcept;
    ClientAuthorities& operator=(ClientAuthorities&&) noexcept;
    ~ClientAuthorities();

    /// How many there are.
    std::size_t size() const;

    /// Has the client of one handshake asked for a certificate. It may show none; one that these
    /// have not signed, or that has ended, fails the handshake.
    void askFor(ssl_st* handshake) const;

    /// The certificate that the client has shown, as far as these vouch for it now, whoever did at
    /// the handshake. Verifies signatures: about 0.1 ms.
    std::optional<ClientCertificate> verify(ssl_st* connection) const;

  private:
    struct Store;
    explicit ClientAuthorities(std::unique_ptr<Store> store);

    std::unique_ptr<Store> store_;
};

}  // namespace rollo::server
