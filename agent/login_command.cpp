// SPDX-License-Identifier: Apache-2.0
#include "agent/login_command.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "agent/token_command.hpp"

namespace rollo::agent {

namespace {

using server::ListenAddress;

constexpr std::chrono::hours longestLifetime{24};

/// Whether nobody can read on the way what is sent there.
bool isEncrypted(const ListenAddress& listener) {
    return listener.tls;
}

bool isLoopback(const ListenAddress& listener) {
    const std::string host = server::hostText(listener.address);
    return host.starts_with("127.") || host == "::1";
}

std::uint16_t portOf(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET)
        return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
    return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

/// The first that a browser can open.
const ListenAddress& webListener(const std::vector<ListenAddress>& listen) {
    const auto found = std::ranges::find_if_not(listen, &ListenAddress::isUnix);
    if (found == listen.end())
        throw std::runtime_error(
            "server.listen has UNIX sockets alone, which no browser can open; "
            "add an address such as \"127.0.0.1:8780\"");
    if (portOf(found->address) == 0)
        throw std::runtime_error(fmt::format(
            "server.listen: the port of \"{}\" is chosen when the agent starts; give it one",
            found->text));
    return *found;
}

/// RFC 3986 §3.2.2: an IPv6 address stands in brackets.
std::string webAddress(const ListenAddress& listener, const std::string& hostname) {
    std::string host = server::hostText(listener.address);
    if (host == "0.0.0.0" || host == "::") host = hostname;
    if (host.find(':') != host.npos) host = fmt::format("[{}]", host);
    return fmt::format("{}://{}:{}/", isEncrypted(listener) ? "https" : "http", host,
                       portOf(listener.address));
}

std::string lifetimeOf(const LoginOptions& options) {
    const auto lifetime = parseLifetime(options.lifetime);
    if (lifetime && *lifetime > longestLifetime)
        throw std::runtime_error(
            "a link is good for a day at most; rollo-agent token makes tokens that last");
    return options.lifetime;
}

}  // namespace

std::string invokingUser() {
    const char* caller = std::getenv("SUDO_USER");
    if (geteuid() == 0 && caller && *caller) return caller;
    const passwd* entry = getpwuid(getuid());
    return entry ? entry->pw_name : fmt::format("uid {}", getuid());
}

LoginLink makeLoginLink(const LoginOptions& options, const Config& config,
                        const std::string& hostname, common::WallClock now) {
    const ListenAddress& listener = webListener(config.server.listen);
    const TokenOptions wanted{.subject = options.subject ? *options.subject : invokingUser(),
                              .roles = {options.role},
                              .permissions = {},
                              .vms = {},
                              .lifetime = lifetimeOf(options),
                              .kid = options.kid};
    const std::string token = makeToken(wanted, config.auth, now).text;
    LoginLink link{.address = webAddress(listener, hostname) + "#token=" + token,
                   .hint = fmt::format("whoever opens this within {} is let in as {} ({})",
                                       wanted.lifetime, wanted.subject, options.role)};
    if (!isEncrypted(listener) && !isLoopback(listener))
        link.hint += "; the way there is not encrypted";
    return link;
}

}  // namespace rollo::agent
