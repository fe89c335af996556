// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "agent/agent.hpp"
#include "agent/auth_setup.hpp"
#include "agent/config.hpp"
#include "agent/config_loader.hpp"
#include "agent/config_text.hpp"
#include "agent/journal.hpp"
#include "agent/token_command.hpp"
#include "agent/version.hpp"
#include "common/clock.hpp"
#include "common/log.hpp"

namespace {

using namespace rollo;

enum ExitCode { exitGood = 0, exitFailure = 1, exitUsage = 2 };

struct CommandLine {
    std::string configPath = "/etc/rollo-agent/rollo-agent.toml";
    bool checkConfig = false;
    bool printDefaultConfig = false;
    bool makeToken = false;
    agent::TokenOptions token;
};

void addTokenCommand(CLI::App& app, CommandLine& line) {
    auto* token = app.add_subcommand("token", "print a token signed with the configured secret");
    token->fallthrough();
    token->callback([&line] { line.makeToken = true; });
    token->add_option("--sub", line.token.subject, "whom it speaks for")->required();
    token->add_option("--ttl", line.token.lifetime, "how long it is valid: 90s, 15m, 1h, 7d")
        ->capture_default_str();
    const auto addList = [token](const char* name, std::vector<std::string>& values,
                                 const char* help) {
        token->add_option(name, values, help)->type_name("TEXT")->allow_extra_args(false);
    };
    addList("--role", line.token.roles, "viewer, operator or admin; may be repeated");
    addList("--vm", line.token.vms, "an id, UUID or name that it is bound to; may be repeated");
    addList("--permission", line.token.permissions,
            "replaces what the role grants; may be repeated");
}

/// The exit code where the arguments themselves end the program.
std::optional<int> parse(int argc, char** argv, CommandLine& line) {
    CLI::App app("The Rollo host agent: a hypervisor's events and measurements, live.",
                 "rollo-agent");
    app.set_version_flag("--version", fmt::format("rollo-agent {}", agent::programVersion()));
    app.add_option("--config", line.configPath, "the configuration file")->capture_default_str();
    app.add_flag("--check-config", line.checkConfig, "check the configuration and end");
    app.add_flag("--print-default-config", line.printDefaultConfig,
                 "print a configuration file with every key explained");
    addTokenCommand(app, line);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? exitGood : exitUsage;
    }
    return std::nullopt;
}

void complain(const std::string& text) {
    fmt::print(stderr, "rollo-agent: {}\n", text);
}

std::optional<agent::LoadedConfig> load(const agent::ConfigSource& source) {
    auto loaded = agent::loadConfig(source);
    if (loaded) return std::move(*loaded);
    for (const std::string& error : loaded.error()) complain(error);
    if (access(source.path.c_str(), F_OK) != 0)
        complain("make one with: rollo-agent --print-default-config > " + source.path);
    return std::nullopt;
}

int printToken(const CommandLine& line, const agent::Config& config) {
    try {
        fmt::print("{}\n", agent::makeToken(line.token, config.auth, common::readClocks().wall));
        return exitGood;
    } catch (const std::exception& error) {
        complain(error.what());
        return exitUsage;
    }
}

/// What only the files that the configuration names can tell.
bool secretsAreUsable(const agent::Config& config) {
    try {
        agent::makeVerifier(config.auth);
        return true;
    } catch (const std::exception& error) {
        complain(error.what());
        return false;
    }
}

int run(const CommandLine& line) {
    const agent::ConfigSource source{line.configPath, agent::rolloVariables(environ)};
    const auto loaded = load(source);
    if (!loaded) return exitUsage;
    if (line.makeToken) return printToken(line, loaded->config);
    if (!secretsAreUsable(loaded->config)) return exitUsage;

    agent::chooseLogSink();
    common::log::setLevel(loaded->config.agent.logLevel);
    for (const std::string& warning : loaded->warnings) common::log::warning("{}", warning);
    if (line.checkConfig) {
        fmt::print("{}: good\n", line.configPath);
        return exitGood;
    }
    return agent::runAgent(loaded->config, source);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        CommandLine line;
        if (const auto code = parse(argc, argv, line)) return *code;
        if (line.printDefaultConfig) {
            fmt::print("{}", agent::defaultConfigText());
            return exitGood;
        }
        return run(line);
    } catch (const std::exception& error) {
        complain(error.what());
        return exitFailure;
    }
}
