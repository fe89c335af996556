// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config.hpp"
#include "agent/config_environment.hpp"

namespace rollo::agent {

/// Where the configuration comes from, so that it can be read again.
struct ConfigSource {
    std::string path;  ///< the file; the `*.toml` in `conf.d` beside it follow in order of name
    Environment environment;
};

struct LoadedConfig {
    Config config;
    std::vector<std::string> warnings;
};

/// One line for each thing that is wrong: `file:line: section.key: what`.
using ConfigErrors = std::vector<std::string>;

/// The files in the order in which they are read; what keeps conf.d from being looked at is added
/// to `errors`.
std::vector<std::string> configFiles(const std::string& path, ConfigErrors& errors);

/// Reads it all: defaults, the file, conf.d, the environment; later ones win. Everything that is
/// wrong is reported at once.
std::expected<LoadedConfig, ConfigErrors> loadConfig(const ConfigSource& source);

/// Sets what one TOML text says. `file` is for the messages.
void applyToml(std::string_view text, const std::string& file, Config& config,
               ConfigErrors& errors);

}  // namespace rollo::agent
