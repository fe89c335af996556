// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/config.hpp"

namespace rollo::agent {

struct ConfigMember;

/// A value as a file or a variable gives it; monostate is one of a type that no option has.
using ConfigValue = std::variant<std::monostate, bool, std::int64_t, double, std::string,
                                 std::vector<std::string>, std::vector<ConfigMember>>;

/// One of a table.
struct ConfigMember {
    std::string name;
    ConfigValue value;
};

enum class ConfigType { flag, integer, text, list, table };

/// One key of the configuration. Parsing, checking, documentation and comparison come from here.
struct ConfigOption {
    std::string_view section;
    std::string_view key;
    ConfigType type;
    bool reloadable;         ///< SIGHUP can change it
    std::string constraint;  ///< "an integer from 1 to 300": what follows "must be"
    /// Sentences; a line break where a new line is due. Empty: the one before says it.
    std::string_view help;

    /// Sets the value, or says what is wrong with it.
    std::function<std::optional<std::string>(Config&, const ConfigValue&)> set;
    /// The value in TOML; nothing where it is not set.
    std::function<std::optional<std::string>(const Config&)> print;
    std::function<void(Config& to, const Config& from)> copy;

    /// `section.key`
    std::string name() const;
    /// `ROLLO_SECTION_KEY`, with `_` for the dot that a section may have
    std::string variable() const;
};

/// In the order of the file; the options of one section stand together.
std::span<const ConfigOption> configOptions();
/// Null if there is none.
const ConfigOption* findOption(std::string_view section, std::string_view key);
bool isSection(std::string_view name);

}  // namespace rollo::agent
