// SPDX-License-Identifier: Apache-2.0
#include "agent/server/listen_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "agent/server/address.hpp"

namespace rollo::server {
namespace {

template <class Address>
Address& as(sockaddr_storage& storage) {
    return reinterpret_cast<Address&>(storage);
}

bool parseUnix(std::string_view path, ListenAddress& out) {
    auto& address = as<sockaddr_un>(out.address);
    if (path.empty() || path.front() != '/' || path.size() >= sizeof address.sun_path ||
        path.find('\0') != std::string_view::npos)
        return false;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    out.length = sizeof address;
    return true;
}

bool parseInternet(const std::string& host, std::uint16_t port, ListenAddress& out) {
    if (host.find('\0') != std::string::npos) return false;  // where inet_pton would stop
    auto& v4 = as<sockaddr_in>(out.address);
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        out.length = sizeof v4;
        return true;
    }
    auto& v6 = as<sockaddr_in6>(out.address);
    v6 = {};
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) return false;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    out.length = sizeof v6;
    return true;
}

}  // namespace

std::optional<ListenAddress> ListenAddress::parse(std::string_view text) {
    ListenAddress result;
    result.text = text;
    if (text.starts_with("unix:")) {
        if (!parseUnix(text.substr(5), result)) return std::nullopt;
        return result;
    }
    constexpr std::string_view tlsPrefix = "tls:";
    result.tls = text.starts_with(tlsPrefix);
    if (result.tls) text.remove_prefix(tlsPrefix.size());
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size()) return std::nullopt;
    if (!parseInternet(std::string(host), number, result)) return std::nullopt;
    return result;
}

bool ListenAddress::isLocal() const {
    if (isUnix()) return true;
    static const std::array loopback{*Network::parse("127.0.0.0/8"), *Network::parse("::1")};
    return std::ranges::any_of(
        loopback, [own = *addressOf(address)](const Network& each) { return each.contains(own); });
}

std::string ListenAddress::path() const {
    return reinterpret_cast<const sockaddr_un&>(address).sun_path;
}

std::string hostText(const sockaddr_storage& address) {
    char text[INET6_ADDRSTRLEN] = {};
    if (address.ss_family == AF_INET) {
        inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text,
                  sizeof text);
    } else if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&v6))
            inet_ntop(AF_INET, v6.s6_addr + 12, text, sizeof text);
        else
            inet_ntop(AF_INET6, &v6, text, sizeof text);
    } else {
        return "unix";
    }
    return text;
}

}  // namespace rollo::server
