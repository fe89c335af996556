// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rollo::server {

/// The names by which clients may call this server. A page of a stranger can point a name of its
/// own at this host (DNS rebinding) and would then count as of the same origin; its name, which
/// stands in the header Host, gives it away. Literal addresses are always allowed, as no name is
/// involved, and so are `localhost` and the names below it (RFC 6761 §6.3). Ports are not looked
/// at.
class AllowedHosts {
  public:
    /// A name, `*.` and a name (every name below it), or `*` (any).
    static bool isEntry(std::string_view text);

    AllowedHosts() = default;
    explicit AllowedHosts(const std::vector<std::string>& entries);
    /// `host`: the header as it came (RFC 9110 §7.2).
    bool allows(std::string_view host) const;

  private:
    std::vector<std::string> names_{"localhost"};
    std::vector<std::string> suffixes_{".localhost"};  ///< with their dot
    bool any_ = false;
};

}  // namespace rollo::server
