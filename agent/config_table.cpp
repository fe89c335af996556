// SPDX-License-Identifier: Apache-2.0
#include "agent/config_table.hpp"

#include <algorithm>
#include <cstring>

#include "agent/config_option.hpp"
#include "agent/server/address.hpp"
#include "agent/server/allowed_hosts.hpp"
#include "agent/server/allowed_origins.hpp"

namespace rollo::agent {

namespace {

using option::Reload;
using server::ListenAddress;

bool hasNoControls(std::string_view text) {
    return std::ranges::none_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}
bool isText(std::string_view text) {
    return !text.empty() && hasNoControls(text);
}
bool isPath(std::string_view text) {
    return text.starts_with('/') && hasNoControls(text);
}
bool isUri(std::string_view text) {
    return isText(text) && text.find(':') != text.npos;
}

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
        const auto address = hasNoControls(entry) ? ListenAddress::parse(entry) : std::nullopt;
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

ConfigOption logLevelOption() {
    auto result = option::base<&Config::agent, &AgentConfig::logLevel>(
        "agent", "log_level", ConfigType::text, Reload::yes,
        "one of \"error\", \"warning\", \"notice\", \"info\", \"debug\", \"trace\"",
        "What is logged. `trace` shows type, size and seq of every message, never its content.");
    result.set = [wrong = "must be " + result.constraint](
                     Config& config, const ConfigValue& value) -> std::optional<std::string> {
        const auto* name = std::get_if<std::string>(&value);
        const auto level = name ? common::log::parseLevel(*name) : std::nullopt;
        if (!level) return wrong;
        config.agent.logLevel = *level;
        return std::nullopt;
    };
    result.print = [](const Config& config) -> std::optional<std::string> {
        return option::quoted(common::log::levelName(config.agent.logLevel));
    };
    return result;
}

std::vector<ConfigOption> agentOptions() {
    constexpr auto in = &Config::agent;
    return {
        option::integer<in, &AgentConfig::serverId>(
            "agent", "server_id", {1, option::largestExact}, Reload::no,
            "The id of this host on the platform. Derived from the host's UUID where not set."),
        option::text<in, &AgentConfig::stateDir>(
            "agent", "state_dir", Reload::no, "an absolute path", isPath,
            "The folder in which the agent keeps the ids of VMs. One agent each."),
        option::integer<in, &AgentConfig::firstAllottedId>(
            "agent", "first_allotted_id", {1, 1'000'000'000'000'000}, Reload::no,
            "Where the ids begin that the agent allots to VMs to which the platform gave none."),
        logLevelOption(),
    };
}

std::vector<ConfigOption> libvirtOptions() {
    constexpr auto in = &Config::libvirt;
    return {
        option::text<in, &LibvirtConfig::uri>("libvirt", "uri", Reload::no, "a libvirt URI", isUri,
                                              "The hypervisor to connect to."),
        option::integer<in, &LibvirtConfig::keepAliveInterval>(
            "libvirt", "keepalive_interval_seconds", {1, 3600}, Reload::no,
            "How often libvirt is asked whether it is alive, in seconds."),
        option::integer<in, &LibvirtConfig::keepAliveCount>(
            "libvirt", "keepalive_count", {1, 100}, Reload::no,
            "How many questions may go unanswered before the connection counts as lost."),
        option::integer<in, &LibvirtConfig::maxStuckCalls>(
            "libvirt", "max_stuck_calls", {2, 1000}, Reload::no,
            "How many statistics calls may hang at once. A guest whose monitor hangs keeps one, "
            "and\n"
            "with it one of libvirtd's workers: of 20, unless its max_workers says otherwise. "
            "With\n"
            "two fewer such guests all others are sampled as ever; with more, only guests that "
            "are\n"
            "seen to use the CPU."),
    };
}

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
        option::list<in, &ServerConfig::exemptNetworks>(
            "server", "exempt_networks", Reload::no, "\"ADDRESS\" or \"ADDRESS/BITS\"",
            [](std::string_view text) { return server::Network::parse(text).has_value(); },
            "Where the two limits for one address do not hold, as it may stand for many clients: "
            "a\nproxy, a monitoring system. They never hold for UNIX sockets."),
    };
}

std::vector<ConfigOption> tlsOptions() {
    constexpr auto in = &Config::tls;
    return {
        option::text<in, &TlsConfig::certificateFile>(
            "tls", "certificate_file", Reload::yes, "an absolute path", isPath,
            "The certificate for the tls: addresses in server.listen, in PEM, its chain behind "
            "it.\n"
            "When the files change they are read again; a pair that is not good changes nothing."),
        option::text<in, &TlsConfig::keyFile>(
            "tls", "key_file", Reload::yes, "an absolute path", isPath,
            "Its private key, in PEM, not encrypted and not readable by others."),
    };
}

std::vector<ConfigOption> metricsOptions() {
    constexpr auto in = &Config::metrics;
    return {
        option::integer<in, &MetricsConfig::interval>(
            "metrics", "interval_seconds", {1, 300}, Reload::yes,
            "How often statistics are taken, in seconds."),
        option::integer<in, &MetricsConfig::balloonPeriod>(
            "metrics", "balloon_period_seconds", {0, 3600}, Reload::no,
            "How often guests are told to report their memory, in seconds.\n"
            "0: the agent changes nothing in a guest."),
        option::text<in, &MetricsConfig::diskPath>(
            "metrics", "disk_path", Reload::no, "an absolute path", isPath,
            "Its file system gives the disk figures of the host."),
        option::flag<in, &MetricsConfig::isPublic>(
            "metrics", "public", Reload::yes,
            "Whether /metrics is answered without a token that has stats:view."),
    };
}

std::vector<ConfigOption> authOptions() {
    constexpr auto in = &Config::auth;
    return {
        option::flag<in, &AuthConfig::anonymous>(
            "auth", "anonymous", Reload::yes,
            "Whether clients without a token may view events. They never see a console."),
        option::text<in, &AuthConfig::hs256SecretFile>(
            "auth", "hs256_secret_file", Reload::yes, "an absolute path", isPath,
            "The secret that tokens are signed with (HS256): at least 32 bytes, not readable by\n"
            "others. A line break at the end does not count. Where this is not set, it is\n"
            "keys/hs256.secret beside this file, once that exists. `rollo-agent key new` makes "
            "it."),
        option::text<in, &AuthConfig::issuer>("auth", "issuer", Reload::yes, "a text", isText,
                                              "The `iss` that tokens must have, where set."),
        option::text<in, &AuthConfig::audience>("auth", "audience", Reload::yes, "a text", isText,
                                                "The `aud` that tokens must have, where set."),
        option::integer<in, &AuthConfig::leeway>(
            "auth", "leeway_seconds", {0, 300}, Reload::yes,
            "How far the clocks of agent and issuer may differ, in seconds."),
    };
}

std::vector<ConfigOption> allOptions() {
    std::vector<ConfigOption> all;
    for (auto* section :
         {agentOptions, libvirtOptions, serverOptions, tlsOptions, metricsOptions, authOptions})
        std::ranges::move(section(), std::back_inserter(all));
    return all;
}

}  // namespace

std::string ConfigOption::name() const {
    return fmt::format("{}.{}", section, key);
}

std::string ConfigOption::variable() const {
    std::string result = fmt::format("ROLLO_{}_{}", section, key);
    for (char& c : result)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return result;
}

std::span<const ConfigOption> configOptions() {
    static const std::vector<ConfigOption> options = allOptions();
    return options;
}

const ConfigOption* findOption(std::string_view section, std::string_view key) {
    for (const ConfigOption& each : configOptions())
        if (each.section == section && each.key == key) return &each;
    return nullptr;
}

bool isSection(std::string_view name) {
    return std::ranges::find(configOptions(), name, &ConfigOption::section) !=
           configOptions().end();
}

}  // namespace rollo::agent
