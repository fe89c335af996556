// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/core/consoles.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

/// All devices of a VM that could have a console, whether or not anybody has asked for them.
std::vector<proto::ConsoleInfo> describeConsoles(const Vm& vm, const Consoles& consoles);

/// What is kept from there on, as one text; a line stands where something is missing. Empty where
/// nobody has asked for that console.
std::string consoleText(const Console* console, std::optional<Scrollback::Offset> from,
                        std::optional<Scrollback::Offset> tail);

}  // namespace rollo::core
