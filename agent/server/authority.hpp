// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rollo::server {

/// `host[:port]` as the header Host and an Origin have it (RFC 3986 §3.2, without user).
struct Authority {
    std::string host;  ///< lower case, without a dot at its end; IPv6 without its brackets
    std::optional<std::uint16_t> port;
    bool literal = false;  ///< the host is an IP address, not a name

    /// Nothing where it is neither a literal address nor a name of letters, digits, `-`, `_`, `.`.
    static std::optional<Authority> parse(std::string_view text);
};

}  // namespace rollo::server
