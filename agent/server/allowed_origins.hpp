// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rollo::server {

/// Where a page comes from: `scheme://host[:port]` (RFC 6454 §6.2).
struct Origin {
    std::string scheme;  ///< lower case
    std::string host;    ///< as in Authority
    std::uint16_t port;  ///< the scheme's own where none is given; 0 where it has none

    bool operator==(const Origin&) const = default;
    /// Nothing for `null` and for what is no origin.
    static std::optional<Origin> parse(std::string_view text);
};

/// The pages whose scripts may speak to this server.
class AllowedOrigins {
  public:
    /// What a request's Origin is to this server.
    enum class Kind {
        none,     ///< no header: not a script of another page
        same,     ///< a page of this very server
        listed,   ///< another one that is trusted by name
        anybody,  ///< one of those that `*` lets in
        foreign,  ///< not allowed
    };

    /// An origin, or `*`.
    static bool isEntry(std::string_view text);

    AllowedOrigins() = default;
    explicit AllowedOrigins(const std::vector<std::string>& entries);
    /// `origin` and `host`: the headers as they came, null where absent. `tls`: the request came by
    /// TLS; where it did not, a proxy may have taken it off, so that both schemes are the same
    /// origin.
    Kind judge(const std::string* origin, const std::string* host, bool tls) const;

  private:
    std::vector<Origin> origins_;
    bool anybody_ = false;
};

}  // namespace rollo::server
