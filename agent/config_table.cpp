// SPDX-License-Identifier: Apache-2.0
#include "agent/config_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "agent/config_sections.hpp"

namespace rollo::agent {

namespace {

std::vector<ConfigOption> allOptions() {
    std::vector<ConfigOption> all;
    for (auto* section : {agentOptions, libvirtOptions, serverOptions, tlsOptions, metricsOptions,
                          consoleOptions, publishOptions, authOptions, alertOptions})
        std::ranges::move(section(), std::back_inserter(all));
    return all;
}

}  // namespace

std::string ConfigOption::name() const {
    return fmt::format("{}.{}", section, key);
}

std::string ConfigOption::variable() const {
    std::string result = fmt::format("ROLLO_{}_{}", section, key);
    for (char& c : result)
        if (c == '.')
            c = '_';
        else if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    return result;
}

std::span<const ConfigOption> configOptions() {
    static const std::vector<ConfigOption> options = allOptions();
    return options;
}

const ConfigOption* findOption(std::string_view section, std::string_view key) {
    for (const ConfigOption& each : configOptions())
        if (each.section == section && each.key == key) return &each;
    return nullptr;
}

bool isSection(std::string_view name) {
    return std::ranges::find(configOptions(), name, &ConfigOption::section) !=
           configOptions().end();
}

}  // namespace rollo::agent
