// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/console_context.hpp"

namespace rollo::agent {

/// Writes to the log who did what to which console.
void logConsoleDeed(const core::ConsoleDeed& deed);

}  // namespace rollo::agent
