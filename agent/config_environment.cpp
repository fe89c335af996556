// SPDX-License-Identifier: Apache-2.0
#include "agent/config_environment.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>

namespace rollo::agent {

namespace {

ConfigValue integerFrom(const std::string& text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, number) == std::from_chars_result{end, std::errc()})
        return number;
    return {};
}

ConfigValue flagFrom(const std::string& text) {
    if (text == "true") return true;
    if (text == "false") return false;
    return {};
}

std::string trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(' ');
    if (begin == text.npos) return {};
    return std::string(text.substr(begin, text.find_last_not_of(' ') + 1 - begin));
}

ConfigValue listFrom(std::string_view text) {
    std::vector<std::string> entries;
    while (true) {
        const auto comma = text.find(',');
        entries.push_back(trimmed(text.substr(0, comma)));
        if (comma == text.npos) return entries;
        text.remove_prefix(comma + 1);
    }
}

ConfigValue valueFrom(ConfigType type, const std::string& text) {
    switch (type) {
        case ConfigType::flag:
            return flagFrom(text);
        case ConfigType::integer:
            return integerFrom(text);
        case ConfigType::text:
            return text;
        case ConfigType::list:
            return listFrom(text);
        case ConfigType::table:
            return {};  // only files have them
    }
    return {};
}

}  // namespace

Environment rolloVariables(const char* const* environ) {
    Environment found;
    for (; *environ; ++environ) {
        const std::string_view variable = *environ;
        const auto equals = variable.find('=');
        if (variable.starts_with("ROLLO_") && equals != variable.npos)
            found.emplace(variable.substr(0, equals), variable.substr(equals + 1));
    }
    return found;
}

void applyEnvironment(const Environment& environment, Config& config,
                      std::vector<std::string>& errors, std::vector<std::string>& warnings) {
    for (const auto& [name, text] : environment) {
        const auto options = configOptions();
        const auto option = std::ranges::find_if(
            options, [&](const ConfigOption& each) { return each.variable() == name; });
        if (option == options.end())
            warnings.push_back("environment variable " + name + " names no key and is ignored");
        else if (const auto wrong = option->set(config, valueFrom(option->type, text)))
            errors.push_back("environment variable " + name + ": " + *wrong);
    }
}

}  // namespace rollo::agent
