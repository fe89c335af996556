// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/server/allowed_hosts.hpp"
#include "agent/server/allowed_origins.hpp"
#include "agent/server/authority.hpp"
#include "agent/server/listen_address.hpp"
#include "agent/server/trusted_proxies.hpp"
#include "tests/fuzz/check.hpp"

/// Headers and settings that name hosts. The input is an Origin, then a Host, each on a line.
namespace rollo::fuzz {
namespace {

using namespace server;

bool isLiteral(std::string_view host) {
    return std::ranges::all_of(host, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
    });
}
bool isName(std::string_view host) {
    return std::ranges::all_of(host, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.';
    });
}

void host(const std::string& text) {
    const auto authority = Authority::parse(text);
    if (authority)
        demand(authority->literal ? isLiteral(authority->host) : isName(authority->host),
               "a host has the characters of one");
    static const AllowedHosts allowed({"agent.example", "*.inner.example"});
    if (!allowed.allows(text)) return;
    demand(authority.has_value(), "who is allowed has a name");
    const std::string& name = authority->host;
    demand(authority->literal || name == "localhost" || name == "agent.example" ||
               name.ends_with(".localhost") || name.ends_with(".inner.example"),
           "no other name is allowed");
}

void origin(const std::string& origin, const std::string& host) {
    static const AllowedOrigins allowed({"https://app.example"});
    for (const bool tls : {false, true}) {
        const auto kind = allowed.judge(&origin, &host, tls);
        demand(kind != AllowedOrigins::Kind::none && kind != AllowedOrigins::Kind::anybody,
               "it is there, and not anybody is let in");
        if (kind == AllowedOrigins::Kind::foreign) continue;
        const auto parsed = Origin::parse(origin);
        demand(parsed.has_value(), "who is let in has an origin");
        if (kind == AllowedOrigins::Kind::listed)
            demand(parsed->host == "app.example" && parsed->port == 443, "the listed one");
        if (kind == AllowedOrigins::Kind::same)
            demand(Authority::parse(host)->host == parsed->host, "the same host");
    }
}

void setting(const std::string& text) {
    if (const auto address = ListenAddress::parse(text)) {
        demand(text.find('\0') == std::string::npos, "an address is text");
        if (address->isUnix())
            demand(address->path() == text.substr(5), "a path is as it is written");
    }
    if (const auto network = Network::parse(text)) {
        demand(text.find('\0') == std::string::npos, "a network is text");
        demand(network->contains(network->address), "an address is in its own network");
    }
    if (TrustedProxies::isEntry(text)) TrustedProxies({text});
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo::fuzz;
    const auto lines = split(textOf(data, size), '\n');
    const std::string first(lines.front());
    const std::string last(lines.back());
    host(last);
    origin(first, last);
    setting(first);
    return 0;
}
