// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/alert_rule.hpp"
#include "agent/core/principal.hpp"
#include "agent/server/listen_address.hpp"
#include "common/log.hpp"

/// What the administrator sets: one struct for each section of the file, one member for each key;
/// of alerts, the policy.
/// The rows in config_sections*.cpp name, bound and document them; the defaults stand here.
namespace rollo::agent {

struct AgentConfig {
    std::optional<std::int64_t> serverId;
    std::string stateDir = "/var/lib/rollo-agent";
    std::int64_t firstAllottedId = 1'000'001;
    common::log::Level logLevel = common::log::Level::info;
    bool coreDumps = false;
};

struct LibvirtConfig {
    std::string uri = "qemu:///system";
    std::chrono::seconds keepAliveInterval{1};
    std::int64_t keepAliveCount = 3;
    std::int64_t maxStuckCalls = 12;
};

struct ServerConfig {
    std::vector<server::ListenAddress> listen{*server::ListenAddress::parse("127.0.0.1:8780")};
    std::vector<std::string> allowedHosts;
    std::vector<std::string> allowedOrigins;
    std::chrono::seconds heartbeat{30};
    std::int64_t maxMessageBytes = 65'536;
    std::int64_t queueBytes = 4 * 1024 * 1024;
    std::int64_t totalQueueBytes = 256 * 1024 * 1024;
    std::int64_t maxRules = 64;
    std::int64_t maxConnections = 4096;
    std::int64_t maxConnectionsPerAddress = 256;
    std::int64_t maxConnectionsPerUser = 256;
    std::int64_t newConnectionsPerSecond = 50;
    std::int64_t messagesPerSecond = 50;
    std::int64_t bytesPerSecond = 262'144;
    std::int64_t errorsPerMinute = 60;
    std::chrono::seconds requestTime{10};
    std::chrono::seconds responseTime{30};
    std::chrono::seconds authTime{10};
    std::vector<std::string> exemptNetworks{"127.0.0.0/8", "::1"};
    std::vector<std::string> trustedProxies;
    bool allowUnencrypted = false;
};

struct TlsConfig {
    std::optional<std::string> certificateFile;
    std::optional<std::string> keyFile;
    std::optional<std::string> clientCaFile;
    std::map<std::string, core::Principal> clients;  ///< by a name in their certificates
};

struct MetricsConfig {
    std::chrono::seconds interval{5};
    std::chrono::seconds balloonPeriod{0};
    std::string diskPath = "/var/lib/libvirt";
    bool isPublic = false;
};

struct ConsoleConfig {
    bool enabled = false;
    /// Stay attached to all consoles, not only to those that somebody watches.
    bool attachAlways = false;
    std::chrono::seconds linger{300};
    std::int64_t scrollbackBytes = 1024 * 1024;
    std::int64_t bootBytes = 256 * 1024;
    std::int64_t totalBytes = 128 * 1024 * 1024;
    std::int64_t maxAttached = 256;
    std::int64_t maxPerUser = 64;
    std::int64_t inputBytesPerSecond = 8192;
    std::int64_t inputBurstBytes = 2048;
    std::int64_t inputQueueBytes = 64 * 1024;
    std::int64_t viewerWindowBytes = 256 * 1024;
    std::chrono::seconds leaseIdle{600};
};

struct PublishConfig {
    std::optional<std::string> socket;
    std::int64_t maxBytes = 65'536;
    std::int64_t eventsPerSecond = 50;
};

struct AuthConfig {
    bool anonymous = false;
    /// Where `keys` and `deny` lie if keysDir and denyFile name none: beside the configuration
    /// file. There they may be absent. Empty: nowhere.
    std::string folder;
    std::optional<std::string> hs256SecretFile;
    std::optional<std::string> keysDir;
    std::vector<std::string> keyFiles;
    std::optional<std::string> jwksFile;
    std::optional<std::string> denyFile;
    std::optional<std::string> issuer;
    std::optional<std::string> audience;
    std::chrono::seconds leeway{5};
    std::chrono::seconds maxLifetime{366 * 86'400};
    std::int64_t failuresPerMinute = 60;
    std::int64_t maxTicketsPerUser = 100;
};

struct Config {
    AgentConfig agent;
    LibvirtConfig libvirt;
    ServerConfig server;
    TlsConfig tls;
    MetricsConfig metrics;
    ConsoleConfig console;
    PublishConfig publish;
    AuthConfig auth;
    core::AlertPolicy alerts = core::defaultAlertPolicy();
};

}  // namespace rollo::agent
