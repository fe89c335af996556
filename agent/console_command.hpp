// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/config_loader.hpp"

namespace rollo::agent {

/// Switches consoles on or off for whoever reads that configuration: writes `console.toml` into
/// `conf.d` beside its file, which has nothing else in it. Answers what was done, and what to do
/// with it. Throws std::runtime_error, which names the file, where it cannot be written, has more
/// in it than this command writes, or would not count because of what is read after it.
std::string switchConsoles(const ConfigSource& source, bool enabled);

/// Whether consoles are served, and what says so.
std::string consoleStatus(const ConfigSource& source);

}  // namespace rollo::agent
