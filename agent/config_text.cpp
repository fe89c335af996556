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

/// Stands before the rules for alerts, which explain themselves together.
constexpr std::string_view alertsIntroduction =
    "# --- Alerts ---\n"
    "# Each rule has `enabled`; `for_seconds`, how long its cause must hold before it fires (0 to\n"
    "# 86400); and either the `severity` of what happens, or, where it looks at a figure,\n"
    "# `thresholds`: for one or more of info, warning, error and critical, which it fires with "
    "from\n"
    "# `raise` on, until the figure is below `clear`. Whoever writes `thresholds` writes all of "
    "them.\n"
    "# SIGHUP changes all of this. What VMs have of their own, by id, UUID or name, stands in "
    "files\n"
    "# alone, as `thresholds` do:\n"
    "#   [alerts.vms.\"build-7\"]\n"
    "#   enabled = false             # no alert about it,\n"
    "#   vm_crashed.enabled = true   # but this one\n"
    "#   [alerts.vms.\"db-1\".vm_cpu]\n"
    "#   thresholds = { error = { raise = 99, clear = 90 } }\n";

bool isAlertRule(std::string_view section) {
    return section.starts_with("alerts.");
}

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
        case ConfigType::table:
            return "{}";
    }
    return "";
}

void appendHelp(std::string& text, const ConfigOption& option,
                const std::optional<std::string>& value) {
    appendComment(text, option.help);
    appendComment(
        text, fmt::format("{}. {}. {}.", upperFirst(option.constraint),
                          value ? "Default: " + *value : "Not set by default",
                          option.reloadable ? "SIGHUP changes it" : "A change needs a restart"));
}

void appendOption(std::string& text, const ConfigOption& option) {
    const auto value = option.print(Config());
    if (isAlertRule(option.section))
        appendComment(text, option.help);
    else
        appendHelp(text, option, value);
    fmt::format_to(std::back_inserter(text), "{}{} = {}\n", value ? "" : "#", option.key,
                   value ? std::string_view(*value) : placeholder(option.type));
}

}  // namespace

std::string defaultConfigText() {
    std::string text(introduction);
    std::string_view section;
    for (const ConfigOption& option : configOptions()) {
        if (isAlertRule(option.section) && !isAlertRule(section))
            fmt::format_to(std::back_inserter(text), "\n{}", alertsIntroduction);
        if (option.section != section)
            fmt::format_to(std::back_inserter(text), "\n[{}]\n", option.section);
        else if (!isAlertRule(option.section))
            text.push_back('\n');
        section = option.section;
        appendOption(text, option);
    }
    return text;
}

}  // namespace rollo::agent
