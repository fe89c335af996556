// SPDX-License-Identifier: Apache-2.0
#include "agent/server/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace rollo::server {
namespace {

constexpr unsigned mappedBits = 96;

Address mapped(const in_addr& v4) {
    Address address{};
    address[10] = address[11] = 0xff;
    std::memcpy(&address[12], &v4, sizeof v4);
    return address;
}

Address plain(const in6_addr& v6) {
    Address address;
    std::memcpy(address.data(), &v6, address.size());
    return address;
}

bool isV4(const Address& address) {
    static const Address none = mapped({});
    return std::equal(address.begin(), address.begin() + mappedBits / 8, none.begin());
}

}  // namespace

std::optional<Address> addressOf(const sockaddr_storage& socket) {
    if (socket.ss_family == AF_INET)
        return mapped(reinterpret_cast<const sockaddr_in&>(socket).sin_addr);
    if (socket.ss_family == AF_INET6)
        return plain(reinterpret_cast<const sockaddr_in6&>(socket).sin6_addr);
    return std::nullopt;
}

std::optional<Address> parseAddress(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return std::nullopt;
    const std::string host(text);
    in_addr v4{};
    in6_addr v6{};
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return mapped(v4);
    if (::inet_pton(AF_INET6, host.c_str(), &v6) == 1) return plain(v6);
    return std::nullopt;
}

std::string textOf(const Address& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (isV4(address))
        ::inet_ntop(AF_INET, &address[mappedBits / 8], text.data(), text.size());
    else
        ::inet_ntop(AF_INET6, address.data(), text.data(), text.size());
    return text.data();
}

Address siteOf(const Address& address) {
    Address site = address;
    if (!isV4(address)) std::fill(site.begin() + 8, site.end(), std::uint8_t{0});
    return site;
}

std::optional<Network> Network::parse(std::string_view text) {
    const auto slash = text.find('/');
    const std::string host(text.substr(0, slash));
    if (host.find('\0') != std::string::npos) return std::nullopt;  // where inet_pton would stop
    Network network;
    in_addr v4{};
    in6_addr v6{};
    const bool isFour = ::inet_pton(AF_INET, host.c_str(), &v4) == 1;
    if (!isFour && ::inet_pton(AF_INET6, host.c_str(), &v6) != 1) return std::nullopt;
    network.address = isFour ? mapped(v4) : plain(v6);
    if (slash == std::string_view::npos) return network;
    const std::string_view bits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), network.bits);
    if (error != std::errc() || end != bits.data() + bits.size()) return std::nullopt;
    if (network.bits > (isFour ? 32u : 128u)) return std::nullopt;
    if (isFour) network.bits += mappedBits;
    return network;
}

bool Network::contains(const Address& other) const {
    const unsigned whole = bits / 8;
    if (!std::equal(address.begin(), address.begin() + whole, other.begin())) return false;
    const unsigned rest = bits % 8;
    return rest == 0 || ((address[whole] ^ other[whole]) >> (8 - rest)) == 0;
}

}  // namespace rollo::server
