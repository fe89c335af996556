// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/config.hpp"
#include "agent/config_loader.hpp"

namespace rollo::agent {

/// Runs the agent until SIGTERM or SIGINT; answers the exit status. Throws what makes a start
/// impossible: an address that is taken, a key that cannot be read, a state folder that cannot be
/// used.
int runAgent(const Config& config, const ConfigSource& source);

}  // namespace rollo::agent
