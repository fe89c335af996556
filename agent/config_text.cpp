// SPDX-License-Identifier: Apache-2.0
#include "agent/config_text.hpp"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "agent/config_table.hpp"

namespace rollo::agent {

namespace {

constexpr std::string_view introduction =
    "# Configuration of rollo-agent (TOML). Every value below is the default.\n"
    "# conf.d/*.toml beside this file are read after it, in order of name; the variables\n"
    "# ROLLO_<SECTION>_<KEY> come last. Later ones win. SIGHUP reads all of it again.\n";

void appendComment(std::string& text, std::string_view lines) {
    while (!lines.empty()) {
        const auto end = lines.find('\n');
        fmt::format_to(std::back_inserter(text), "# {}\n", lines.substr(0, end));
        lines.remove_prefix(end == lines.npos ? lines.size() : end + 1);
    }
}

std::string upperFirst(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
        text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

std::string_view placeholder(ConfigType type) {
    switch (type) {
        case ConfigType::flag:
            return "false";
        case ConfigType::integer:
            return "1";
        case ConfigType::text:
            return "\"\"";
        case ConfigType::list:
            return "[]";
    }
    return "";
}

void appendOption(std::string& text, const ConfigOption& option) {
    const auto value = option.print(Config());
    appendComment(text, option.help);
    appendComment(
        text, fmt::format("{}. {}. {}.", upperFirst(option.constraint),
                          value ? "Default: " + *value : "Not set by default",
                          option.reloadable ? "SIGHUP changes it" : "A change needs a restart"));
    fmt::format_to(std::back_inserter(text), "{}{} = {}\n", value ? "" : "#", option.key,
                   value ? std::string_view(*value) : placeholder(option.type));
}

}  // namespace

std::string defaultConfigText() {
    std::string text(introduction);
    std::string_view section;
    for (const ConfigOption& option : configOptions()) {
        if (option.section != section)
            fmt::format_to(std::back_inserter(text), "\n[{}]\n", option.section);
        else
            text.push_back('\n');
        section = option.section;
        appendOption(text, option);
    }
    return text;
}

}  // namespace rollo::agent
