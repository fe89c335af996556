// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>

#include "agent/key_command.hpp"
#include "agent/login_command.hpp"
#include "agent/polkit_rule.hpp"
#include "agent/token_command.hpp"

namespace rollo::agent {

enum ExitCode { exitGood = 0, exitFailure = 1, exitUsage = 2 };

enum class Command {
    run,
    checkConfig,
    printDefaultConfig,
    token,
    newKey,
    listKeys,
    loginLink,
    enableConsoles,
    disableConsoles,
    consoleStatus
};

struct CommandLine {
    std::string configPath = "/etc/rollo-agent/rollo-agent.toml";
    Command command = Command::run;
    KeyOptions key;
    TokenOptions token;
    LoginOptions loginLink;
    PolkitPlace polkit;  ///< of `console`

    /// How to call the program so that it finds the same configuration.
    std::string program() const;
};

/// What was asked for, or the exit code where the arguments themselves end the program: help, the
/// version, and mistakes, which are told on standard error.
std::expected<CommandLine, ExitCode> parseCommandLine(int argc, const char* const* argv);

}  // namespace rollo::agent
