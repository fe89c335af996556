// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "agent/core/console_observation.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

/// How a console is, as its viewers are told: PROTOCOL.md, `console_status`.
struct ConsoleCondition {
    proto::ConsoleState state;
    std::string_view message;  ///< for people
    bool operator==(const ConsoleCondition&) const = default;
};

/// What decides it.
struct ConsoleFacts {
    bool libvirtConnected = false;
    bool vmExists = false;
    bool vmRuns = false;
    bool vmTakesInput = false;
    bool open = false;                      ///< there is a stream
    const ConsoleDevice* device = nullptr;  ///< of the VM, if it has it at present
    bool full = false;                      ///< the host has as many streams as it may
    bool ousted = false;                    ///< the last stream ended though the guest went on
    std::optional<ConsoleFailure> failure;  ///< of the last attempt
};

/// Pure.
ConsoleCondition conditionOf(const ConsoleFacts& facts);

}  // namespace rollo::core
