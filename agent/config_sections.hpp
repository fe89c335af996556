// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/config_table.hpp"

/// The rows of the table, section by section. Private to config_table.cpp.
namespace rollo::agent {

std::vector<ConfigOption> agentOptions();
std::vector<ConfigOption> libvirtOptions();
std::vector<ConfigOption> serverOptions();
std::vector<ConfigOption> tlsOptions();
std::vector<ConfigOption> metricsOptions();
std::vector<ConfigOption> consoleOptions();
std::vector<ConfigOption> publishOptions();
std::vector<ConfigOption> authOptions();
std::vector<ConfigOption> alertOptions();

}  // namespace rollo::agent
