// SPDX-License-Identifier: Apache-2.0
#include "agent/config_sections.hpp"

#include "agent/config_option.hpp"

namespace rollo::agent {

using option::Reload;

namespace {

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

}  // namespace

std::vector<ConfigOption> agentOptions() {
    constexpr auto in = &Config::agent;
    return {
        option::integer<in, &AgentConfig::serverId>(
            "agent", "server_id", {1, option::largestExact}, Reload::no,
            "The id of this host on the platform. Derived from the host's UUID where not set."),
        option::text<in, &AgentConfig::stateDir>(
            "agent", "state_dir", Reload::no, "an absolute path", option::isPath,
            "The folder in which the agent keeps the ids of VMs. One agent each."),
        option::integer<in, &AgentConfig::firstAllottedId>(
            "agent", "first_allotted_id", {1, 1'000'000'000'000'000}, Reload::no,
            "Where the ids begin that the agent allots to VMs to which the platform gave none."),
        logLevelOption(),
        option::flag<in, &AgentConfig::coreDumps>(
            "agent", "core_dumps", Reload::no,
            "Whether the kernel may write the agent's memory to a file when it crashes, and "
            "others\n"
            "of its user may look into it (/proc, debuggers): keys and tokens are there."),
    };
}

std::vector<ConfigOption> libvirtOptions() {
    constexpr auto in = &Config::libvirt;
    return {
        option::text<in, &LibvirtConfig::uri>("libvirt", "uri", Reload::no, "a libvirt URI",
                                              option::isUri, "The hypervisor to connect to."),
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

std::vector<ConfigOption> tlsOptions() {
    constexpr auto in = &Config::tls;
    return {
        option::text<in, &TlsConfig::certificateFile>(
            "tls", "certificate_file", Reload::yes, "an absolute path", option::isPath,
            "The certificate for the tls: addresses in server.listen, in PEM, its chain behind "
            "it.\n"
            "When the files change they are read again; a pair that is not good changes nothing."),
        option::text<in, &TlsConfig::keyFile>(
            "tls", "key_file", Reload::yes, "an absolute path", option::isPath,
            "Its private key, in PEM, not encrypted and not readable by others."),
        option::text<in, &TlsConfig::clientCaFile>(
            "tls", "client_ca_file", Reload::yes, "an absolute path", option::isPath,
            "Authorities, in PEM, whose certificates clients may show in place of a token. Where\n"
            "this is not set, no client is asked for one. Who a name in a certificate is, a table\n"
            "says: [tls.clients.\"NAME\"] with role, roles, permissions, vms (docs/tls.md)."),
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
            "0: the agent changes nothing in a guest, and its connections to libvirt but those of\n"
            "consoles are read-only. Anything else takes the right to manage libvirt."),
        option::text<in, &MetricsConfig::diskPath>(
            "metrics", "disk_path", Reload::no, "an absolute path", option::isPath,
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
            "auth", "hs256_secret_file", Reload::yes, "an absolute path", option::isPath,
            "A secret that tokens are signed with (HS256, no `kid`), outside of the folder of "
            "keys:\n"
            "at least 32 bytes, not readable by others. A line break at the end does not count."),
        option::text<in, &AuthConfig::keysDir>(
            "auth", "keys_dir", Reload::yes, "an absolute path", option::isPath,
            "A folder of keys that tokens may be signed with, each named for what it is:\n"
            "[KID.]ALG.secret or [KID.]ALG.pem, such as hs256.secret or 2026-11.es256.pem. Read\n"
            "again when it changes. Where this is not set, it is keys/ beside this file, once "
            "that\n"
            "exists. `rollo-agent key new` makes a secret there."),
        option::list<in, &AuthConfig::keyFiles>("auth", "key_files", Reload::yes, "absolute paths",
                                                option::isPath,
                                                "Further keys, with names of that form."),
        option::text<in, &AuthConfig::jwksFile>("auth", "jwks_file", Reload::yes,
                                                "an absolute path", option::isPath,
                                                "Further keys, as a JSON Web Key Set (RFC 7517)."),
        option::text<in, &AuthConfig::denyFile>(
            "auth", "deny_file", Reload::yes, "an absolute path", option::isPath,
            "Whom to let in no more: lines `sub NAME` or `jti ID`; a # before a word begins a "
            "comment.\n"
            "Read again when it changes, and ends their connections. Where this is not set, it is\n"
            "deny beside this file, once that exists."),
        option::text<in, &AuthConfig::issuer>("auth", "issuer", Reload::yes, "a text",
                                              option::isText,
                                              "The `iss` that tokens must have, where set."),
        option::text<in, &AuthConfig::audience>("auth", "audience", Reload::yes, "a text",
                                                option::isText,
                                                "The `aud` that tokens must have, where set."),
        option::integer<in, &AuthConfig::leeway>(
            "auth", "leeway_seconds", {0, 300}, Reload::yes,
            "How far the clocks of agent and issuer may differ, in seconds."),
        option::integer<in, &AuthConfig::maxLifetime>("auth", "max_lifetime_seconds",
                                                      {60, 315'360'000}, Reload::yes,
                                                      "How long a token may be valid, in seconds."),
        option::integer<in, &AuthConfig::failuresPerMinute>(
            "auth", "failures_per_minute", {1, 1'000'000}, Reload::yes,
            "How many tokens with a wrong signature one address (IPv6: one /64) may send in a\n"
            "minute. After that no token from there is looked at for a while."),
        option::integer<in, &AuthConfig::maxTicketsPerUser>(
            "auth", "max_tickets_per_user", {1, 10'000}, Reload::yes,
            "How many one-time tickets of one user may wait to be used."),
    };
}

}  // namespace rollo::agent
