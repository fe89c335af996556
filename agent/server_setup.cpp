// SPDX-License-Identifier: Apache-2.0
#include "agent/server_setup.hpp"

#include <algorithm>

#include "agent/host_facts.hpp"

namespace rollo::agent {
namespace {

server::AllowedHosts allowedHosts(const ServerConfig& config) {
    auto names = config.allowedHosts;
    const std::string own = hostname();
    names.push_back(own);
    names.push_back(own.substr(0, own.find('.')));
    return server::AllowedHosts(names);
}

server::Admission::Limits admission(const ServerConfig& config) {
    server::Admission::Limits limits;
    limits.connections = static_cast<std::size_t>(config.maxConnections);
    limits.perAddress = static_cast<std::size_t>(config.maxConnectionsPerAddress);
    limits.newPerSecond = static_cast<double>(config.newConnectionsPerSecond);
    for (const auto& text : config.exemptNetworks)
        if (const auto network = server::Network::parse(text)) limits.exempt.push_back(*network);
    return limits;
}

core::Conversation::Terms termsOf(const ServerConfig& config) {
    core::Conversation::Terms terms;
    terms.maxRules = static_cast<std::size_t>(config.maxRules);
    terms.maxMessageBytes = static_cast<std::size_t>(config.maxMessageBytes);
    terms.messagesPerSecond = config.messagesPerSecond;
    terms.bytesPerSecond = config.bytesPerSecond;
    terms.errorsPerMinute = config.errorsPerMinute;
    terms.heartbeat = config.heartbeat;
    return terms;
}

std::optional<server::ListenAddress> publishSocket(const PublishConfig& config) {
    if (!config.socket) return std::nullopt;
    return server::ListenAddress::parse("unix:" + *config.socket);
}

/// Of the certificate that the configuration needs; nothing where it needs none.
std::optional<server::Certificate::Files> certificateFiles(const Config& config) {
    const bool wanted = std::ranges::any_of(config.server.listen, &server::ListenAddress::tls);
    if (!wanted || !config.tls.certificateFile || !config.tls.keyFile) return std::nullopt;
    return server::Certificate::Files{*config.tls.certificateFile, *config.tls.keyFile};
}

}  // namespace

std::optional<server::TlsFiles> readTlsFiles(const Config& config) {
    const auto files = certificateFiles(config);
    if (!files) return std::nullopt;
    server::TlsFiles read{server::Certificate::load(*files), std::nullopt};
    if (config.tls.clientCaFile)
        read.authorities = server::ClientAuthorities::load(*config.tls.clientCaFile);
    return read;
}

std::vector<std::string> tlsFiles(const Config& config) {
    const auto files = certificateFiles(config);
    if (!files) return {};
    std::vector<std::string> names{files->certificate, files->key};
    if (config.tls.clientCaFile) names.push_back(*config.tls.clientCaFile);
    return names;
}

server::Settings serverSettings(const Config& config) {
    server::Settings settings;
    settings.listen = config.server.listen;
    settings.clients = config.tls.clients;
    settings.allowedHosts = allowedHosts(config.server);
    settings.allowedOrigins = server::AllowedOrigins(config.server.allowedOrigins);
    settings.anonymous = config.auth.anonymous;
    settings.terms = termsOf(config.server);
    settings.queueBytes = static_cast<std::size_t>(config.server.queueBytes);
    settings.totalQueueBytes = static_cast<std::size_t>(config.server.totalQueueBytes);
    settings.publicMetrics = config.metrics.isPublic;
    settings.admission = admission(config.server);
    settings.budget = {.messagesPerSecond = static_cast<double>(config.server.messagesPerSecond),
                       .bytesPerSecond = static_cast<double>(config.server.bytesPerSecond),
                       .errorsPerMinute = static_cast<double>(config.server.errorsPerMinute)};
    settings.requestTime = config.server.requestTime;
    settings.responseTime = config.server.responseTime;
    settings.authTime = config.server.authTime;
    settings.connectionsPerUser = static_cast<std::size_t>(config.server.maxConnectionsPerUser);
    settings.tokenFailuresPerMinute = static_cast<double>(config.auth.failuresPerMinute);
    settings.ticketsPerUser = static_cast<std::size_t>(config.auth.maxTicketsPerUser);
    settings.trustedProxies = server::TrustedProxies(config.server.trustedProxies);
    settings.publish = {.socket = publishSocket(config.publish),
                        .maxBytes = static_cast<std::size_t>(config.publish.maxBytes),
                        .eventsPerSecond = static_cast<double>(config.publish.eventsPerSecond)};
    return settings;
}

}  // namespace rollo::agent
