// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace rollo::common {

using Monotonic = std::chrono::steady_clock::time_point;
using WallClock = std::chrono::system_clock::time_point;

/// One reading of both clocks. Pure code gets it as an argument and never reads a clock.
struct Now {
    Monotonic mono;
    WallClock wall;
};

Now readClocks();

/// RFC 3339, UTC, milliseconds, `Z`: the only form of a time on the wire.
std::string formatTimestamp(WallClock time);
/// Reads that form, and no other; nothing where there is no such time, or not from 1970 to 2261.
std::optional<WallClock> parseTimestamp(std::string_view text);

}  // namespace rollo::common
