// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rollo::server {

/// An IP address as 16 bytes; IPv4 as IPv4-mapped IPv6 (RFC 4291 §2.5.5.2), however it came.
using Address = std::array<std::uint8_t, 16>;

/// Nothing for what is no IP address, as the other end of a UNIX socket.
std::optional<Address> addressOf(const sockaddr_storage& socket);

/// A literal address; nothing for anything else.
std::optional<Address> parseAddress(std::string_view text);

/// As people write it; IPv4 as IPv4.
std::string textOf(const Address& address);

/// What one customer of a provider has: the address in IPv4, its /64 in IPv6, in which a host takes
/// as many addresses as it likes.
Address siteOf(const Address& address);

/// `ADDRESS` or `ADDRESS/BITS`.
struct Network {
    Address address{};
    unsigned bits = 128;  ///< of the 16 bytes

    static std::optional<Network> parse(std::string_view text);
    bool contains(const Address& other) const;
};

}  // namespace rollo::server
