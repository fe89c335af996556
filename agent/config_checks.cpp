// SPDX-License-Identifier: Apache-2.0
#include "agent/config_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "agent/config_option.hpp"

namespace rollo::agent {
namespace {

using Errors = std::vector<std::string>;

void checkTls(const Config& config, Errors& errors, std::vector<std::string>& warnings) {
    const bool wanted = std::ranges::any_of(config.server.listen, &server::ListenAddress::tls);
    const bool certificate = config.tls.certificateFile.has_value();
    const bool key = config.tls.keyFile.has_value();
    if (wanted && !(certificate && key))
        errors.push_back(
            "server.listen: a tls: address needs tls.certificate_file and tls.key_file");
    else if (certificate != key)
        errors.push_back("tls.certificate_file and tls.key_file need each other");
    else if (!wanted && certificate)
        warnings.push_back("the certificate is not used: server.listen has no tls: address");
    if (!config.tls.clients.empty() && !config.tls.clientCaFile)
        errors.push_back("tls.clients needs tls.client_ca_file");
    if (!wanted && config.tls.clientCaFile)
        warnings.push_back("tls.client_ca_file is not used: server.listen has no tls: address");
}

/// Tokens and consoles must not cross a network in clear by mistake.
void checkEncryption(const ServerConfig& server, Errors& errors,
                     std::vector<std::string>& warnings) {
    for (const server::ListenAddress& address : server.listen) {
        if (address.tls || address.isLocal()) continue;
        if (server.allowUnencrypted)
            warnings.push_back(fmt::format(
                "server.listen: whoever is between {} and its clients can read tokens and "
                "consoles (server.allow_unencrypted)",
                option::quoted(address.text)));
        else
            errors.push_back(fmt::format(
                "server.listen: {} would be without TLS beyond this host; write {} (docs/tls.md), "
                "or set server.allow_unencrypted = true",
                option::quoted(address.text), option::quoted("tls:" + address.text)));
    }
}

/// A proxy's socket has to be one where clients connect: not the one for publishing, which needs no
/// token.
void checkProxies(const ServerConfig& server, Errors& errors) {
    for (const std::string& proxy : server.trustedProxies)
        if (proxy.starts_with("unix:") &&
            std::ranges::find(server.listen, proxy, &server::ListenAddress::text) ==
                server.listen.end())
            errors.push_back(
                fmt::format("server.trusted_proxies: {} does not stand in server.listen",
                            option::quoted(proxy)));
}

}  // namespace

void checkTogether(const Config& config, Errors& errors, std::vector<std::string>& warnings) {
    checkTls(config, errors, warnings);
    checkEncryption(config.server, errors, warnings);
    checkProxies(config.server, errors);
}

}  // namespace rollo::agent
