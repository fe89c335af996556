// SPDX-License-Identifier: Apache-2.0
#include "agent/config_sections.hpp"

#include <cstring>

#include "agent/config_option.hpp"
#include "agent/server/address.hpp"
#include "agent/server/allowed_hosts.hpp"
#include "agent/server/allowed_origins.hpp"
#include "agent/server/trusted_proxies.hpp"

namespace rollo::agent {

using option::Reload;

namespace {

using server::ListenAddress;

bool sameAddress(const ListenAddress& left, const ListenAddress& right) {
    return left.length == right.length &&
           std::memcmp(&left.address, &right.address, left.length) == 0;
}

/// Each entry is checked, so that the one that is wrong is named.
std::optional<std::string> setListen(Config& config, const ConfigValue& value) {
    const auto* entries = std::get_if<std::vector<std::string>>(&value);
    if (!entries || entries->empty())
        return "must be a list of \"ADDRESS:PORT\", \"[IPv6]:PORT\", \"tls:ADDRESS:PORT\" or "
               "\"unix:/path\"";
    std::vector<ListenAddress> addresses;
    for (const std::string& entry : *entries) {
        const auto address =
            option::hasNoControls(entry) ? ListenAddress::parse(entry) : std::nullopt;
        if (!address)
            return fmt::format(
                "{} is no \"ADDRESS:PORT\", \"[IPv6]:PORT\", \"tls:ADDRESS:PORT\" or "
                "\"unix:/path\" "
                "(an address is literal, not a name)",
                option::quoted(entry));
        for (const ListenAddress& other : addresses)
            if (sameAddress(*address, other))
                return fmt::format("{} is there twice", option::quoted(entry));
        addresses.push_back(*address);
    }
    config.server.listen = std::move(addresses);
    return std::nullopt;
}

std::optional<std::string> printListen(const Config& config) {
    std::string list;
    for (const ListenAddress& address : config.server.listen)
        list += (list.empty() ? "" : ", ") + option::quoted(address.text);
    return "[" + list + "]";
}

ConfigOption listenOption() {
    auto result = option::base<&Config::server, &ServerConfig::listen>(
        "server", "listen", ConfigType::list, Reload::no,
        "a list of \"ADDRESS:PORT\", \"[IPv6]:PORT\", \"tls:ADDRESS:PORT\" or \"unix:/path\"",
        "Where clients connect. Addresses are literal. Port 0 is a free one, which the log names.\n"
        "With tls: before it, by TLS alone.");
    result.set = setListen;
    result.print = printListen;
    return result;
}

}  // namespace

std::vector<ConfigOption> serverOptions() {
    constexpr auto in = &Config::server;
    return {
        listenOption(),
        option::list<in, &ServerConfig::allowedHosts>(
            "server", "allowed_hosts", Reload::yes, "names, \"*.NAME\" or \"*\"",
            server::AllowedHosts::isEntry,
            "Further names by which clients may call this host (the header Host, without its\n"
            "port). The host's own name, localhost and literal addresses are always good.\n"
            "\"*\" takes any name, and with it the protection against DNS rebinding."),
        option::list<in, &ServerConfig::allowedOrigins>(
            "server", "allowed_origins", Reload::yes, "\"SCHEME://HOST[:PORT]\" or \"*\"",
            server::AllowedOrigins::isEntry,
            "Origins of other web pages that may use this server, by HTTP and WebSocket. Pages of\n"
            "the server itself always may. \"*\" lets in the pages of anybody, without\n"
            "credentials of the browser."),
        option::integer<in, &ServerConfig::heartbeat>(
            "server", "heartbeat_seconds", {1, 3600}, Reload::no,
            "How often a silent client is pinged, in seconds."),
        option::integer<in, &ServerConfig::maxMessageBytes>(
            "server", "max_message_bytes", {1024, 16'777'216}, Reload::no,
            "The longest message that a client may send, in bytes."),
        option::integer<in, &ServerConfig::queueBytes>(
            "server", "queue_bytes", {65'536, 1'073'741'824}, Reload::no,
            "How much may wait for one slow client, in bytes; beyond that it is disconnected."),
        option::integer<in, &ServerConfig::totalQueueBytes>(
            "server", "total_queue_bytes", {33'554'432, 68'719'476'736}, Reload::no,
            "How much may wait for all clients together, in bytes, with what is kept for those "
            "that\n"
            "come back (at most 16 MiB); beyond that the slowest are disconnected."),
        option::integer<in, &ServerConfig::maxRules>(
            "server", "max_rules", {1, 10'000}, Reload::no,
            "How many subscription rules one connection may hold."),
        option::integer<in, &ServerConfig::maxConnections>(
            "server", "max_connections", {1, 100'000}, Reload::no,
            "How many clients may be connected. Others get 503."),
        option::integer<in, &ServerConfig::maxConnectionsPerAddress>(
            "server", "max_connections_per_address", {1, 100'000}, Reload::yes,
            "How many of them from one address (IPv6: one /64). Others get 429."),
        option::integer<in, &ServerConfig::maxConnectionsPerUser>(
            "server", "max_connections_per_user", {1, 100'000}, Reload::yes,
            "How many WebSockets one user (the `sub` of a token) may have open. Others are closed\n"
            "with 4008."),
        option::integer<in, &ServerConfig::newConnectionsPerSecond>(
            "server", "new_connections_per_second", {1, 100'000}, Reload::yes,
            "How many connections one address (IPv6: one /64) may open in a second, in bursts "
            "twice\n"
            "as many. Others get 429."),
        option::integer<in, &ServerConfig::messagesPerSecond>(
            "server", "messages_per_second", {1, 1'000'000}, Reload::yes,
            "How many messages, or requests by HTTP, a connection may send in a second, ten times "
            "as\n"
            "many at once. Others are not looked at, which is an error (429)."),
        option::integer<in, &ServerConfig::bytesPerSecond>(
            "server", "bytes_per_second", {1024, 1'000'000'000}, Reload::yes,
            "How many bytes a client may send in a second, ten times as many at once; with more it "
            "is\ndisconnected."),
        option::integer<in, &ServerConfig::errorsPerMinute>(
            "server", "errors_per_minute", {1, 1'000'000}, Reload::yes,
            "How many errors a client may make in a minute; with more it is disconnected."),
        option::integer<in, &ServerConfig::requestTime>(
            "server", "request_seconds", {1, 3600}, Reload::yes,
            "How long a new connection may take for its first request, TLS handshake and headers\n"
            "included, in seconds."),
        option::integer<in, &ServerConfig::responseTime>(
            "server", "response_seconds", {1, 3600}, Reload::yes,
            "How long a client may take for each 64 KiB of an answer by HTTP, in seconds."),
        option::integer<in, &ServerConfig::authTime>(
            "server", "auth_seconds", {1, 3600}, Reload::yes,
            "How long a client that sends its token as its first message may take for that, in\n"
            "seconds."),
        option::list<in, &ServerConfig::exemptNetworks>(
            "server", "exempt_networks", Reload::no, "\"ADDRESS\" or \"ADDRESS/BITS\"",
            [](std::string_view text) { return server::Network::parse(text).has_value(); },
            "Where the two limits for one address do not hold, as it may stand for many clients: "
            "a\nproxy, a monitoring system. They never hold for UNIX sockets."),
        option::list<in, &ServerConfig::trustedProxies>(
            "server", "trusted_proxies", Reload::yes,
            "\"ADDRESS\", \"ADDRESS/BITS\" or \"unix:/path\"", server::TrustedProxies::isEntry,
            "Reverse proxies whose X-Forwarded-For and X-Forwarded-Proto count: what they say of "
            "a\n"
            "client is its address for limits and the log. \"unix:/path\" is a listener of this\n"
            "server that a proxy alone can open. They give nobody an identity."),
        option::flag<in, &ServerConfig::allowUnencrypted>(
            "server", "allow_unencrypted", Reload::no,
            "Whether the server may listen beyond loopback without TLS. Whoever is on the way "
            "then\n"
            "reads tokens and consoles."),
    };
}

}  // namespace rollo::agent
