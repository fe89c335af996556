// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/config.hpp"
#include "agent/server/certificate.hpp"
#include "agent/server/services.hpp"

namespace rollo::agent {

/// What the configuration means for the clients' side. The host's own name is added to those that
/// it answers to.
server::Settings serverSettings(const Config& config);

/// The files of the certificate that the configuration needs; nothing where it needs none.
std::optional<server::Certificate::Files> certificateFiles(const Config& config);
/// Reads them. Throws as Certificate::load does; may block.
std::optional<server::Certificate> readCertificate(const Config& config);

}  // namespace rollo::agent
