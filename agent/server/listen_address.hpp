// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>

namespace rollo::server {

/// Where to listen: `ADDRESS:PORT`, `[ADDRESS]:PORT` (IPv6), the same with `tls:` before it, or
/// `unix:/path`. Literal addresses alone: a name would have to be looked up.
struct ListenAddress {
    std::string text;
    sockaddr_storage address{};
    socklen_t length = 0;
    bool tls = false;

    static std::optional<ListenAddress> parse(std::string_view text);
    bool isUnix() const { return address.ss_family == AF_UNIX; }
    /// Whether this host alone can connect: a UNIX socket, or loopback (RFC 1122 §3.2.1.3, RFC 4291
    /// §2.5.3).
    bool isLocal() const;
    std::string path() const;
};

/// An address as people write it: `192.0.2.1`, `2001:db8::1`, `unix`. IPv4 in IPv6 is shown as
/// IPv4.
std::string hostText(const sockaddr_storage& address);

}  // namespace rollo::server
