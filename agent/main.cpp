// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include "agent/agent.hpp"
#include "agent/auth_setup.hpp"
#include "agent/command_line.hpp"
#include "agent/config.hpp"
#include "agent/config_loader.hpp"
#include "agent/config_text.hpp"
#include "agent/console_command.hpp"
#include "agent/host_facts.hpp"
#include "agent/journal.hpp"
#include "agent/key_command.hpp"
#include "agent/login_command.hpp"
#include "agent/server/client_authorities.hpp"
#include "agent/server_setup.hpp"
#include "agent/token_command.hpp"
#include "common/clock.hpp"
#include "common/log.hpp"

namespace {

using namespace rollo;
using agent::Command;

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

std::string tokenOrLink(const agent::CommandLine& line, const agent::Config& config) {
    const auto now = common::readClocks().wall;
    // What is not the token or the address itself goes elsewhere, so that they can be passed on.
    if (line.command == Command::token) {
        const auto token = agent::makeToken(line.token, config.auth, now);
        if (line.token.printId) complain("the token's id (jti) is " + token.id);
        return token.text;
    }
    const auto link = agent::makeLoginLink(line.loginLink, config, agent::hostname(), now);
    complain(link.hint);
    return link.address;
}

int printToken(const agent::CommandLine& line, const agent::Config& config) {
    try {
        fmt::print("{}\n", tokenOrLink(line, config));
        return agent::exitGood;
    } catch (const std::exception& error) {
        complain(error.what());
        return agent::exitUsage;
    }
}

/// Each is told as soon as it is done, whatever becomes of the next.
int tellOfConsoles(const agent::CommandLine& line, const agent::ConfigSource& source) {
    if (line.command == Command::consoleStatus) {
        fmt::print("{}{}", agent::consoleStatus(source), agent::libvirtGrant(line.polkit));
        return agent::exitGood;
    }
    const bool enable = line.command == Command::enableConsoles;
    fmt::print("{}\n", agent::switchConsoles(source, enable));
    fmt::print("{}", enable ? agent::grantLibvirt(line.polkit) : agent::revokeLibvirt(line.polkit));
    return agent::exitGood;
}

int makeKey(const agent::CommandLine& line, const agent::Config& config) {
    const auto key = agent::makeKey(agent::placeOfNewKey(line.key, config.auth));
    fmt::print("{}", agent::report(key, line.program()));
    return agent::exitGood;
}

int listKeys(const agent::Config& config) {
    fmt::print("{}", agent::keyList(config.auth));
    return agent::exitGood;
}

/// Throws where what TLS goes by cannot be used.
void checkTls(const agent::Config& config) {
    const auto files = agent::readTlsFiles(config);
    if (!files) return;
    if (const auto complaint = files->certificate.complaint(common::readClocks().wall))
        complain(*config.tls.certificateFile + ": clients will not accept it: " + *complaint);
}

/// What only the files that the configuration names can tell.
bool secretsAreUsable(const agent::Config& config) {
    try {
        const auto verifier = agent::makeVerifier(config.auth);
        for (const std::string& remark : verifier.keys().leftOut()) complain(remark);
        checkTls(config);
        return true;
    } catch (const std::exception& error) {
        complain(error.what());
        return false;
    }
}

int serve(const agent::CommandLine& line, const agent::LoadedConfig& loaded,
          const agent::ConfigSource& source) {
    if (!secretsAreUsable(loaded.config)) return agent::exitUsage;
    agent::chooseLogSink();
    common::log::setLevel(loaded.config.agent.logLevel);
    for (const std::string& warning : loaded.warnings) common::log::warning("{}", warning);
    if (line.command == Command::checkConfig) {
        fmt::print("{}: good\n", line.configPath);
        return agent::exitGood;
    }
    return agent::runAgent(loaded.config, source);
}

int run(const agent::CommandLine& line) {
    if (line.command == Command::printDefaultConfig) {
        fmt::print("{}", agent::defaultConfigText());
        return agent::exitGood;
    }
    const agent::ConfigSource source{line.configPath, agent::rolloVariables(environ)};
    const auto loaded = load(source);
    if (!loaded) return agent::exitUsage;
    switch (line.command) {
        case Command::token:
        case Command::loginLink:
            return printToken(line, loaded->config);
        case Command::newKey:
            return makeKey(line, loaded->config);
        case Command::listKeys:
            return listKeys(loaded->config);
        case Command::enableConsoles:
        case Command::disableConsoles:
        case Command::consoleStatus:
            return tellOfConsoles(line, source);
        default:
            return serve(line, *loaded, source);
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto line = agent::parseCommandLine(argc, argv);
        return line ? run(*line) : line.error();
    } catch (const std::exception& error) {
        complain(error.what());
        return agent::exitFailure;
    }
}
