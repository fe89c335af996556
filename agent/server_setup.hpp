// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/config.hpp"
#include "agent/server/services.hpp"
#include "agent/server/tls.hpp"

namespace rollo::agent {

/// What the configuration means for the clients' side. The host's own name is added to those that
/// it answers to.
server::Settings serverSettings(const Config& config);

/// What the configuration names for TLS; nothing where no address has TLS. Throws as
/// Certificate::load and ClientAuthorities::load do; may block.
std::optional<server::TlsFiles> readTlsFiles(const Config& config);
/// The files that it reads.
std::vector<std::string> tlsFiles(const Config& config);

}  // namespace rollo::agent
