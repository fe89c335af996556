// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

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

}  // namespace rollo::common
