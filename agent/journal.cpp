// SPDX-License-Identifier: Apache-2.0
#include "agent/journal.hpp"

// The places in the source that the macros would add are those of this file.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "common/log.hpp"

namespace rollo::agent {

namespace {

namespace log = common::log;

bool stderrIsJournal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat status{};
    if (!stream || fstat(STDERR_FILENO, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

void writeWithPrefix(log::Level level, std::string_view message) {
    const int priority = std::min(static_cast<int>(level), static_cast<int>(log::Level::debug));
    fmt::print(stderr, "<{}>{}\n", priority, message);
}

void writeToJournal(log::Level level, std::string_view message, const log::Fields& fields) {
    const int priority = std::min(static_cast<int>(level), static_cast<int>(log::Level::debug));
    std::vector<std::string> entries{fmt::format("MESSAGE={}", message),
                                     fmt::format("PRIORITY={}", priority),
                                     "SYSLOG_IDENTIFIER=rollo-agent"};
    for (const auto& [name, value] : fields) entries.push_back(fmt::format("{}={}", name, value));
    std::vector<iovec> vectors;
    for (std::string& entry : entries) vectors.push_back({entry.data(), entry.size()});
    if (sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size())) < 0)
        writeWithPrefix(level, message);
}

void writeToTerminal(log::Level level, std::string_view message, const log::Fields&) {
    const std::string time = common::formatTimestamp(common::readClocks().wall);
    fmt::print(stderr, "{} {:<7} {}\n", std::string_view(time).substr(11, 12),
               log::levelName(level), message);
}

}  // namespace

void chooseLogSink() {
    if (stderrIsJournal())
        log::setSink(writeToJournal);
    else if (isatty(STDERR_FILENO))
        log::setSink(writeToTerminal);
    else
        log::setSink(nullptr);
}

}  // namespace rollo::agent
