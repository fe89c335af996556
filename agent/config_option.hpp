// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/config_table.hpp"
#include "common/json_writer.hpp"

/// The kinds of option that the table is made of. Each takes the two members that lead to
/// its place in Config, so that one row is all that an option needs.
namespace rollo::agent::option {

enum class Reload { yes, no };

/// The largest integer that every JSON reader keeps exact.
inline constexpr std::int64_t largestExact = 9'007'199'254'740'991;

struct Range {
    std::int64_t least;
    std::int64_t most;
};

inline std::optional<std::int64_t> numberOf(std::int64_t value) {
    return value;
}
inline std::optional<std::int64_t> numberOf(std::chrono::seconds value) {
    return value.count();
}
inline std::optional<std::int64_t> numberOf(const std::optional<std::int64_t>& value) {
    return value;
}

/// In quotes; the escapes of JSON are some of those of TOML.
inline std::string quoted(std::string_view text) {
    common::JsonWriter json;
    json.value(text);
    return std::string(json.text());
}

inline bool hasNoControls(std::string_view text) {
    return std::ranges::none_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}
inline bool isText(std::string_view text) {
    return !text.empty() && hasNoControls(text);
}
inline bool isPath(std::string_view text) {
    return text.starts_with('/') && hasNoControls(text);
}
inline bool isUri(std::string_view text) {
    return isText(text) && text.find(':') != text.npos;
}

template <auto section, auto member>
ConfigOption base(std::string_view sectionName, std::string_view key, ConfigType type,
                  Reload reload, std::string constraint, std::string_view help) {
    return {.section = sectionName,
            .key = key,
            .type = type,
            .reloadable = reload == Reload::yes,
            .constraint = std::move(constraint),
            .help = help,
            .set = {},
            .print = {},
            .copy = [](Config& to, const Config& from) {
                to.*section.*member = from.*section.*member;
            }};
}

/// An integer, a number of seconds, or an optional integer.
template <auto section, auto member>
ConfigOption integer(std::string_view sectionName, std::string_view key, Range range, Reload reload,
                     std::string_view help) {
    auto result = base<section, member>(
        sectionName, key, ConfigType::integer, reload,
        fmt::format("an integer from {} to {}", range.least, range.most), help);
    result.set = [range, wrong = "must be " + result.constraint](
                     Config& config, const ConfigValue& value) -> std::optional<std::string> {
        const auto* number = std::get_if<std::int64_t>(&value);
        if (!number || *number < range.least || *number > range.most) return wrong;
        auto& place = config.*section.*member;
        place = static_cast<std::remove_reference_t<decltype(place)>>(*number);
        return std::nullopt;
    };
    result.print = [](const Config& config) -> std::optional<std::string> {
        const auto number = numberOf(config.*section.*member);
        return number ? std::optional(std::to_string(*number)) : std::nullopt;
    };
    return result;
}

template <auto section, auto member>
ConfigOption flag(std::string_view sectionName, std::string_view key, Reload reload,
                  std::string_view help) {
    auto result =
        base<section, member>(sectionName, key, ConfigType::flag, reload, "true or false", help);
    result.set = [](Config& config, const ConfigValue& value) -> std::optional<std::string> {
        const bool* set = std::get_if<bool>(&value);
        if (!set) return "must be true or false";
        config.*section.*member = *set;
        return std::nullopt;
    };
    result.print = [](const Config& config) -> std::optional<std::string> {
        return config.*section.*member ? "true" : "false";
    };
    return result;
}

/// A text, optional or not, that passes `accepts`.
template <auto section, auto member>
ConfigOption text(std::string_view sectionName, std::string_view key, Reload reload,
                  std::string constraint, bool (*accepts)(std::string_view),
                  std::string_view help) {
    auto result = base<section, member>(sectionName, key, ConfigType::text, reload,
                                        std::move(constraint), help);
    result.set = [accepts, wrong = "must be " + result.constraint](
                     Config& config, const ConfigValue& value) -> std::optional<std::string> {
        const auto* given = std::get_if<std::string>(&value);
        if (!given || !accepts(*given)) return wrong;
        config.*section.*member = *given;
        return std::nullopt;
    };
    result.print = [](const Config& config) -> std::optional<std::string> {
        const std::optional<std::string> set = config.*section.*member;
        return set ? std::optional(quoted(*set)) : std::nullopt;
    };
    return result;
}

/// Texts that each pass `accepts`; the one that does not is named.
template <auto section, auto member>
ConfigOption list(std::string_view sectionName, std::string_view key, Reload reload,
                  std::string_view entry, bool (*accepts)(std::string_view),
                  std::string_view help) {
    auto result = base<section, member>(sectionName, key, ConfigType::list, reload,
                                        fmt::format("a list of {}", entry), help);
    result.set = [accepts, entry, wrong = "must be " + result.constraint](
                     Config& config, const ConfigValue& value) -> std::optional<std::string> {
        const auto* entries = std::get_if<std::vector<std::string>>(&value);
        if (!entries) return wrong;
        for (const std::string& each : *entries)
            if (!accepts(each)) return fmt::format("{} is none of {}", quoted(each), entry);
        config.*section.*member = *entries;
        return std::nullopt;
    };
    result.print = [](const Config& config) -> std::optional<std::string> {
        std::string text;
        for (const std::string& each : config.*section.*member)
            text += (text.empty() ? "" : ", ") + quoted(each);
        return "[" + text + "]";
    };
    return result;
}

}  // namespace rollo::agent::option
