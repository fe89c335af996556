// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/config_toml.hpp"
#include "agent/core/principal.hpp"

namespace rollo::agent {

/// Who those are that show a certificate, by a name in it.
using TlsClients = std::map<std::string, core::Principal>;

/// Takes the tables `[tls.clients."NAME"]` of a file; one of the same name replaces the former.
void applyTlsClients(const toml::table& tables, TlsClients& clients, FileErrors& errors);

/// `tls.clients."NAME".KEY` and the value in TOML.
std::vector<std::pair<std::string, std::string>> printTlsClients(const TlsClients& clients);

}  // namespace rollo::agent
