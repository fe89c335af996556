// SPDX-License-Identifier: Apache-2.0
#include "agent/store/state_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>

#include "agent/store/state_text.hpp"
#include "common/file.hpp"

namespace rollo::store {

namespace {

/// Some 200,000 VMs.
constexpr std::size_t largestFile = 64 * 1024 * 1024;

std::string damagedName(const std::string& path, common::WallClock now) {
    std::string time = common::formatTimestamp(now).substr(0, 19);
    std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
    return path + ".damaged-" + time + "Z";
}

/// Gives the damaged file a second name; the first one is taken over by the file that replaces it.
std::optional<std::string> setAside(const std::string& path, common::WallClock now) {
    const std::string base = damagedName(path, now);
    std::string name = base;
    for (int copy = 2; link(path.c_str(), name.c_str()) != 0; ++copy) {
        if (errno == EEXIST)
            name = fmt::format("{}-{}", base, copy);
        else  // there are file systems without links
            return std::rename(path.c_str(), base.c_str()) == 0 ? std::optional(base)
                                                                : std::nullopt;
    }
    return name;
}

std::string describeLoss(const std::string& path, const StateReading& reading) {
    return fmt::format("{} is damaged: {} VMs recovered, {} lines unreadable, header {}", path,
                       reading.state.vms.size(), reading.unreadableLines,
                       reading.headerFound ? "found" : "lost");
}

LoadReport repair(const std::string& path, StateReading reading, const common::Now& now) {
    LoadReport report;
    report.warnings.push_back(describeLoss(path, reading));
    auto& nextId = reading.state.nextId;
    if (nextId == 0 && !reading.headerFound)
        nextId = std::chrono::floor<std::chrono::seconds>(now.wall.time_since_epoch()).count();
    report.warnings.push_back(fmt::format("ids are allotted from {} on", nextId));
    const auto aside = setAside(path, now.wall);
    report.warnings.push_back(aside ? "the damaged file is kept as " + *aside
                                    : path + ": cannot be renamed; it will be overwritten");
    if (const auto error = saveState(path, reading.state)) report.warnings.push_back(*error);
    report.state = std::move(reading.state);
    return report;
}

}  // namespace

LoadReport loadState(const std::string& path, const common::Now& now) {
    unlink(common::temporaryName(path).c_str());
    const auto content = common::readFile(path, largestFile);
    if (!content) {
        if (content.error() == std::errc::no_such_file_or_directory) return {};
        throw std::runtime_error(fmt::format("{}: {}", path, content.error().message()));
    }
    StateReading reading = readStateText(content->bytes);
    if (!reading.intact) return repair(path, std::move(reading), now);
    return {.state = std::move(reading.state), .warnings = {}};
}

std::optional<std::string> saveState(const std::string& path, const core::SavedState& state) {
    const auto error = common::writeFileAtomically(path, writeStateText(state), 0600);
    if (!error) return std::nullopt;
    return fmt::format("{}: cannot be written: {}", path, error.message());
}

}  // namespace rollo::store
