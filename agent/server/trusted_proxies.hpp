// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/server/address.hpp"

namespace rollo::server {

/// The reverse proxies whose word about a client counts (`[server] trusted_proxies`): by address,
/// or by the UNIX socket that they alone can open.
class TrustedProxies {
  public:
    TrustedProxies() = default;
    /// Entries that `isEntry` accepts.
    explicit TrustedProxies(const std::vector<std::string>& entries);

    /// `ADDRESS`, `ADDRESS/BITS` or `unix:/path`.
    static bool isEntry(std::string_view text);

    bool contains(const Address& address) const;
    /// Whether who comes by the listener `unix:` PATH is a proxy.
    bool containsSocket(std::string_view path) const;

  private:
    std::vector<Network> networks_;
    std::vector<std::string> sockets_;
};

}  // namespace rollo::server
