// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config.hpp"

namespace rollo::agent {

/// One key that differs between two configurations.
struct ConfigChange {
    std::string name;    ///< `section.key`
    std::string before;  ///< in TOML; "not set" where it is not
    std::string after;
    bool needsRestart = false;

    bool operator==(const ConfigChange&) const = default;
};

/// In the order of the file. Files that a key names may have changed all the same.
std::vector<ConfigChange> changesBetween(const Config& before, const Config& after);

/// What a running agent goes on with: `fresh` where SIGHUP can change a key, else `running`.
Config reloaded(const Config& running, const Config& fresh);

}  // namespace rollo::agent
