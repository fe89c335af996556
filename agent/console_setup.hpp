// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/config.hpp"
#include "agent/core/console_context.hpp"

namespace rollo::agent {

/// The configuration as the core's consoles take it.
core::ConsoleSettings consoleSettings(const ConsoleConfig& config);

}  // namespace rollo::agent
