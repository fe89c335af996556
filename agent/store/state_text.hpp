// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "agent/core/saved_state.hpp"

/// The text of the state file: one JSON record on each line, and a header as the first line and as
/// the last. Every line can be read by itself, so that damage costs no more than what it hits.
namespace rollo::store {

std::string writeStateText(const core::SavedState& state);

/// What could be read of a state file.
struct StateReading {
    core::SavedState state;
    std::size_t unreadableLines = 0;  ///< also those out of place, or that contradict another
    bool headerFound = false;
    bool intact = false;  ///< whole, as writeStateText wrote it
};

/// Never fails. Where no header is left, `nextId` is a thousand above the ids that were recovered,
/// and 0 where none was.
StateReading readStateText(std::string_view text);

}  // namespace rollo::store
