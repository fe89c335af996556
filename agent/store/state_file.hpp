// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/core/saved_state.hpp"
#include "common/clock.hpp"

/// The state file on its disk. Blocks.
namespace rollo::store {

struct LoadReport {
    core::SavedState state;
    /// For the log: what was damaged, what was recovered, where the damaged file lies now.
    std::vector<std::string> warnings;
};

/// Reads the file. A missing one is an empty state. A damaged one is set aside beside it as
/// `<name>.damaged-<UTC time>`, and what could be recovered is written in its place at once, so
/// that no crash lets an id be allotted twice. Where nothing tells which ids were allotted, the
/// next one is the seconds since 1970, which is larger than all of them. Throws std::runtime_error
/// where the file is there and cannot be read.
LoadReport loadState(const std::string& path, const common::Now& now);

/// Replaces the file, mode 0600; the error as a text for the log.
std::optional<std::string> saveState(const std::string& path, const core::SavedState& state);

}  // namespace rollo::store
