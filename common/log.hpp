// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The program's log. Tokens, tickets and payloads never go through here.
/// Every function may be called from any thread.
namespace rollo::common::log {

/// The numbers are those of syslog(3), so that journald and stderr prefixes agree;
/// `trace` has no number of its own there and travels as debug.
enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7, trace = 8 };

/// A journald field beside the message: upper-case name, value.
using Field = std::pair<std::string_view, std::string>;
using Fields = std::vector<Field>;

/// Where finished lines go. Called under the log's mutex, one line at a time.
using Sink = std::function<void(Level, std::string_view message, const Fields&)>;

std::optional<Level> parseLevel(std::string_view name);
std::string_view levelName(Level level);

void setLevel(Level level);
/// The default sink writes `<N>message` lines to standard error.
void setSink(Sink sink);
bool enabled(Level level);
void write(Level level, std::string_view message, const Fields& fields = {});

template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::error, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::warning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void notice(fmt::format_string<Args...> format, Args&&... args) {
    write(Level::notice, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::info)) write(Level::info, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::debug))
        write(Level::debug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void trace(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::trace))
        write(Level::trace, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace rollo::common::log
