// SPDX-License-Identifier: Apache-2.0
#include "common/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <mutex>

#include "common/utf8.hpp"

namespace rollo::common::log {

namespace {

struct Name {
    std::string_view text;
    Level level;
};
constexpr std::array<Name, 6> names{{{"error", Level::error},
                                     {"warning", Level::warning},
                                     {"notice", Level::notice},
                                     {"info", Level::info},
                                     {"debug", Level::debug},
                                     {"trace", Level::trace}}};

void writeToStderr(Level level, std::string_view message, const Fields&) {
    const int number = std::min(static_cast<int>(level), static_cast<int>(Level::debug));
    fmt::print(stderr, "<{}>{}\n", number, message);
}

struct Output {
    std::mutex mutex;
    Sink sink = writeToStderr;
};

std::atomic<Level> threshold{Level::info};

/// Never destroyed: threads that were given up may still write while the process ends.
Output& output() {
    static auto& instance = *new Output;
    return instance;
}

bool isControl(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// A name from outside that holds a line break must not look like a line of ours, and one that is
/// not UTF-8 must not keep others from being read.
std::string readable(std::string_view message) {
    std::string clean;
    clean.reserve(message.size() + 16);
    for (const char c : toUtf8(message)) {
        if (isControl(c))
            fmt::format_to(std::back_inserter(clean), "\\x{:02x}", static_cast<unsigned char>(c));
        else
            clean.push_back(c);
    }
    return clean;
}

}  // namespace

std::optional<Level> parseLevel(std::string_view name) {
    const auto found = std::ranges::find(names, name, &Name::text);
    if (found == names.end()) return std::nullopt;
    return found->level;
}

std::string_view levelName(Level level) {
    const auto found = std::ranges::find(names, level, &Name::level);
    return found == names.end() ? "info" : found->text;
}

void setLevel(Level level) {
    threshold.store(level, std::memory_order_relaxed);
}

void setSink(Sink sink) {
    const std::lock_guard lock(output().mutex);
    output().sink = sink ? std::move(sink) : writeToStderr;
}

bool enabled(Level level) {
    return level <= threshold.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, const Fields& fields) {
    if (!enabled(level)) return;
    std::string clean;
    if (std::ranges::any_of(message, isControl) || !isUtf8(message)) {
        clean = readable(message);
        message = clean;
    }
    const std::lock_guard lock(output().mutex);
    output().sink(level, message, fields);
}

}  // namespace rollo::common::log
