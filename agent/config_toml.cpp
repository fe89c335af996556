// SPDX-License-Identifier: Apache-2.0
#include "agent/config_toml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/config_option.hpp"
#include "common/utf8.hpp"

namespace rollo::agent {
namespace {

std::vector<ConfigMember> membersOf(const toml::table& table) {
    std::vector<ConfigMember> members;
    for (const auto& [name, node] : table)
        members.push_back({std::string(name.str()), valueOf(node)});
    return members;
}

}  // namespace

ConfigValue valueOf(const toml::node& node) {
    if (const auto* flag = node.as_boolean()) return flag->get();
    if (const auto* number = node.as_integer()) return number->get();
    if (const auto* real = node.as_floating_point()) return real->get();
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* table = node.as_table()) return membersOf(*table);
    const toml::array* array = node.as_array();
    if (!array) return {};
    std::vector<std::string> entries;
    for (const toml::node& entry : *array) {
        if (!entry.is_string()) return {};
        entries.push_back(entry.as_string()->get());
    }
    return entries;
}

std::string oneLine(std::string_view description) {
    std::string line = common::toUtf8(description);
    std::ranges::replace_if(line, [](char c) { return !option::hasNoControls({&c, 1}); }, '?');
    return line;
}

void FileErrors::report(const toml::source_region& where, std::string_view name,
                        std::string_view what) {
    const auto line = where.begin.line;
    // A key in quotes may be any text, and each error is one line.
    const std::string shown = option::isText(name) ? std::string(name) : option::quoted(name);
    found_.push_back({line, fmt::format("{}:{}: {}: {}", file_, line, shown, what)});
}

void FileErrors::addTo(std::vector<std::string>& errors) {
    std::ranges::stable_sort(found_, {}, &Found::line);
    for (Found& each : found_) errors.push_back(std::move(each.text));
}

}  // namespace rollo::agent
