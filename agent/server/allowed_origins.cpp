// SPDX-License-Identifier: Apache-2.0
#include "agent/server/allowed_origins.hpp"

#include <algorithm>
#include <utility>

#include "agent/server/authority.hpp"

namespace rollo::server {
namespace {

std::uint16_t ownPort(std::string_view scheme) {
    if (scheme == "http") return 80;
    if (scheme == "https") return 443;
    return 0;
}

/// RFC 3986 §3.1, in lower case; nothing where it is none.
std::optional<std::string> readScheme(std::string_view text) {
    std::string scheme;
    for (char c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        const bool letter = c >= 'a' && c <= 'z';
        const bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && (scheme.empty() || !other)) return std::nullopt;
        scheme.push_back(c);
    }
    if (scheme.empty()) return std::nullopt;
    return scheme;
}

bool isSame(const Origin& origin, const std::string& hostHeader, bool tls) {
    if (origin.scheme != "https" && (tls || origin.scheme != "http")) return false;
    const auto host = Authority::parse(hostHeader);
    return host && host->host == origin.host &&
           host->port.value_or(ownPort(origin.scheme)) == origin.port;
}

}  // namespace

std::optional<Origin> Origin::parse(std::string_view text) {
    constexpr std::string_view separator = "://";
    const auto at = text.find(separator);
    if (at == std::string_view::npos) return std::nullopt;
    auto scheme = readScheme(text.substr(0, at));
    auto authority = Authority::parse(text.substr(at + separator.size()));
    if (!scheme || !authority) return std::nullopt;
    const auto port = authority->port.value_or(ownPort(*scheme));
    return Origin{std::move(*scheme), std::move(authority->host), port};
}

bool AllowedOrigins::isEntry(std::string_view text) {
    return text == "*" || Origin::parse(text);
}

AllowedOrigins::AllowedOrigins(const std::vector<std::string>& entries) {
    for (const auto& entry : entries) {
        anybody_ = anybody_ || entry == "*";
        if (auto origin = Origin::parse(entry)) origins_.push_back(std::move(*origin));
    }
}

AllowedOrigins::Kind AllowedOrigins::judge(const std::string* origin, const std::string* host,
                                           bool tls) const {
    if (!origin) return Kind::none;
    if (const auto parsed = Origin::parse(*origin)) {
        if (host && isSame(*parsed, *host, tls)) return Kind::same;
        if (std::ranges::find(origins_, *parsed) != origins_.end()) return Kind::listed;
    }
    return anybody_ ? Kind::anybody : Kind::foreign;
}

}  // namespace rollo::server
