// SPDX-License-Identifier: Apache-2.0
#include "agent/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <vector>

#include "agent/version.hpp"

namespace rollo::agent {

namespace {

/// A subcommand, after which the options of the program may stand as well.
CLI::App* addCommand(CLI::App& parent, const char* name, const char* help) {
    CLI::App* command = parent.add_subcommand(name, help);
    command->fallthrough();
    return command;
}

void addKid(CLI::App& command, std::optional<std::string>& kid) {
    command.add_option("--kid", kid, "the secret to sign with [the newest one]");
}

void addToken(CLI::App& app, CommandLine& line) {
    CLI::App* token = addCommand(app, "token", "print a token signed with a secret of the agent's");
    token->callback([&line] { line.command = Command::token; });
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
    addKid(*token, line.token.kid);
    token->add_flag("--print-id", line.token.printId,
                    "print its id (jti) on standard error, for auth.deny_file");
}

void addKey(CLI::App& app, CommandLine& line) {
    CLI::App* key = addCommand(app, "key", "the keys that tokens are signed with");
    key->require_subcommand(1);
    CLI::App* made = addCommand(*key, "new", "make a secret; one that is there is never replaced");
    made->callback([&line] { line.command = Command::newKey; });
    made->add_option("--kid", line.key.kid,
                     "its name in tokens, such as 2026-11: needed for a second one");
    made->add_option("--algorithm", line.key.algorithm, "hs256, hs384 or hs512")
        ->capture_default_str();
    addCommand(*key, "list", "print what the agent takes, nothing secret")->callback([&line] {
        line.command = Command::listKeys;
    });
}

void addConsole(CLI::App& app, CommandLine& line) {
    CLI::App* console = addCommand(app, "console", "serial consoles of guests, for clients");
    console->require_subcommand(1);
    console
        ->add_option("--polkit-rules", line.polkit.folder,
                     "the folder in which polkit looks for rules")
        ->capture_default_str();
    console->add_option("--user", line.polkit.user, "whom the agent runs as")
        ->capture_default_str();
    const auto add = [&](const char* name, Command command, const char* help) {
        addCommand(*console, name, help)->callback([&line, command] { line.command = command; });
    };
    add("enable", Command::enableConsoles,
        "serve them: writes conf.d/console.toml, and a polkit rule that lets the agent's user "
        "manage libvirt");
    add("disable", Command::disableConsoles, "serve them no more, and remove the rule");
    add("status", Command::consoleStatus,
        "print whether they are served, what says so, and whether the rule is there");
}

void addLoginLink(CLI::App& app, CommandLine& line) {
    CLI::App* link = addCommand(app, "login-link",
                                "print a dashboard address that lets whoever opens it in, for a "
                                "short time");
    link->callback([&line] { line.command = Command::loginLink; });
    link->add_option("--sub", line.loginLink.subject,
                     "whom it speaks for [whoever runs this command]");
    link->add_option("--role", line.loginLink.role,
                     "viewer, operator or admin. An operator sees everything and opens consoles, "
                     "as whoever may read the key could anyway; only an admin takes them from "
                     "others")
        ->capture_default_str();
    link->add_option("--ttl", line.loginLink.lifetime,
                     "how long it is good: 90s, 15m, 1h; at most 24h")
        ->capture_default_str();
    addKid(*link, line.loginLink.kid);
}

}  // namespace

std::string CommandLine::program() const {
    if (configPath == CommandLine().configPath) return "rollo-agent";
    return fmt::format("rollo-agent --config {}", configPath);
}

std::expected<CommandLine, ExitCode> parseCommandLine(int argc, const char* const* argv) {
    CommandLine line;
    bool check = false;
    bool print = false;
    CLI::App app("The Rollo host agent: a hypervisor's events and measurements, live.",
                 "rollo-agent");
    app.set_version_flag("--version", fmt::format("rollo-agent {}", programVersion()));
    app.add_option("--config", line.configPath, "the configuration file")->capture_default_str();
    app.add_flag("--check-config", check, "check the configuration and end");
    app.add_flag("--print-default-config", print,
                 "print a configuration file with every key explained");
    app.require_subcommand(0, 1);
    addKey(app, line);
    addToken(app, line);
    addLoginLink(app, line);
    addConsole(app, line);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return std::unexpected(app.exit(error) == 0 ? exitGood : exitUsage);
    }
    if (line.command == Command::run && check) line.command = Command::checkConfig;
    if (print) line.command = Command::printDefaultConfig;
    return line;
}

}  // namespace rollo::agent
