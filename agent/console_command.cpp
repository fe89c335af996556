// SPDX-License-Identifier: Apache-2.0
#include "agent/console_command.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "common/file.hpp"

namespace rollo::agent {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t largestFile = 1024 * 1024;
constexpr std::string_view ownName = "console.toml";
constexpr std::string_view variable = "ROLLO_CONSOLE_ENABLED";

[[noreturn]] void fail(const std::string& path, const std::string& why) {
    throw std::runtime_error(fmt::format("{}: {}", path, why));
}

std::string dropIn(const ConfigSource& source) {
    std::error_code error;
    return fs::absolute(source.path, error).parent_path() / "conf.d" / ownName;
}

std::string textOf(bool enabled) {
    return fmt::format(
        "# Written whole by `rollo-agent console enable` and `disable`: what else there is to say\n"
        "# about consoles goes into another file.\n"
        "[console]\n"
        "enabled = {}\n",
        enabled);
}

/// What the text says of `console.enabled`; nothing where it does not.
std::optional<bool> enabledIn(const std::string& text, const std::string& file) {
    Config on;
    Config off;
    on.console.enabled = true;
    off.console.enabled = false;
    ConfigErrors ignored;
    applyToml(text, file, on, ignored);
    applyToml(text, file, off, ignored);
    if (on.console.enabled != off.console.enabled) return std::nullopt;
    return on.console.enabled;
}

struct Saying {
    std::string who;  ///< a file, or the variable
    bool enabled;
    bool isLater;  ///< read after our own file
};

/// All that say something of `console.enabled`, in the order in which they count.
std::vector<Saying> sayings(const ConfigSource& source) {
    std::vector<Saying> all;
    ConfigErrors ignored;
    const auto files = configFiles(source.path, ignored);
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto content = common::readFile(files[i], largestFile);
        const auto enabled = content ? enabledIn(content->bytes, files[i]) : std::nullopt;
        const bool isLater = i > 0 && fs::path(files[i]).filename() > ownName;
        if (enabled) all.push_back({files[i], *enabled, isLater});
    }
    const auto set = source.environment.find(std::string(variable));
    if (set != source.environment.end())
        all.push_back(
            {fmt::format("the environment variable {}", variable), set->second == "true", true});
    return all;
}

/// Nobody's own words are lost.
void checkIsOurs(const std::string& path) {
    const auto content = common::readFile(path, largestFile);
    if (!content && content.error() == std::errc::no_such_file_or_directory) return;
    if (!content) fail(path, content.error().message());
    if (content->bytes != textOf(true) && content->bytes != textOf(false))
        fail(path, "has more in it than this command writes; set enabled under [console] there");
}

void write(const std::string& path, bool enabled) {
    const fs::path folder = fs::path(path).parent_path();
    if (mkdir(folder.c_str(), 0755) == 0) {
        if (chmod(folder.c_str(), 0755) != 0) fail(folder, std::system_category().message(errno));
    } else if (errno != EEXIST) {
        fail(folder, std::system_category().message(errno));
    }
    if (const auto error = common::writeFileAtomically(path, textOf(enabled), 0644))
        fail(path, error.message());
}

}  // namespace

std::string switchConsoles(const ConfigSource& source, bool enabled) {
    const std::string path = dropIn(source);
    checkIsOurs(path);
    for (const Saying& other : sayings(source))
        if (other.isLater)
            fail(path, fmt::format("would not count: {} sets console.enabled after it; change it "
                                   "there",
                                   other.who));
    write(path, enabled);
    return fmt::format(
        "{}: serial consoles are switched {}\n"
        "An agent that runs takes it over when it gets SIGHUP (systemctl reload rollo-agent).\n",
        path, enabled ? "on" : "off");
}

std::string consoleStatus(const ConfigSource& source) {
    const auto all = sayings(source);
    if (all.empty()) return "serial consoles are switched off: nothing sets console.enabled\n";
    return fmt::format("serial consoles are switched {} by {}\n", all.back().enabled ? "on" : "off",
                       all.back().who);
}

}  // namespace rollo::agent
