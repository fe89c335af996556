// SPDX-License-Identifier: Apache-2.0
#include "agent/server/authority.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace rollo::server {
namespace {

constexpr std::size_t longestName = 253;

bool isNameCharacter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool isName(std::string_view text) {
    return !text.empty() && text.size() <= longestName && text.front() != '.' &&
           text.back() != '.' && std::ranges::all_of(text, isNameCharacter);
}

bool isLiteral(int family, const std::string& text) {
    in6_addr ignored;
    // It would stop at a NUL.
    return text.find('\0') == std::string::npos && ::inet_pton(family, text.c_str(), &ignored) == 1;
}

std::string lowerCase(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

bool readPort(std::string_view text, std::optional<std::uint16_t>& port) {
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return false;
    port = number;
    return true;
}

/// Takes `[address]` off the front.
std::optional<std::string> takeBracketed(std::string_view& text) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    std::string host = lowerCase(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    if (!isLiteral(AF_INET6, host)) return std::nullopt;
    return host;
}

}  // namespace

std::optional<Authority> Authority::parse(std::string_view text) {
    Authority result;
    if (text.starts_with('[')) {
        auto host = takeBracketed(text);
        if (!host) return std::nullopt;
        result.host = std::move(*host);
        result.literal = true;
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        result.host = lowerCase(text.substr(0, colon));
        text.remove_prefix(colon);
        if (result.host.ends_with('.')) result.host.pop_back();
        if (!isName(result.host)) return std::nullopt;
        result.literal = isLiteral(AF_INET, result.host);
    }
    // An empty port is the default one (RFC 3986 §3.2.3).
    if (text.empty() || text == ":") return result;
    if (text.front() != ':' || !readPort(text.substr(1), result.port)) return std::nullopt;
    return result;
}

}  // namespace rollo::server
