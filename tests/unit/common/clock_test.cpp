// SPDX-License-Identifier: Apache-2.0
#include "common/clock.hpp"

#include <doctest/doctest.h>

using namespace rollo::common;
using namespace std::chrono_literals;

TEST_CASE("a timestamp is RFC 3339 in UTC with milliseconds") {
    CHECK(formatTimestamp(WallClock{}) == "1970-01-01T00:00:00.000Z");
    CHECK(formatTimestamp(WallClock{1767225600s}) == "2026-01-01T00:00:00.000Z");
    CHECK(formatTimestamp(WallClock{951782399s + 7ms}) == "2000-02-28T23:59:59.007Z");
    CHECK(formatTimestamp(WallClock{951782400s}) == "2000-02-29T00:00:00.000Z");
    CHECK(formatTimestamp(WallClock{9223372036s + 854ms}) == "2262-04-11T23:47:16.854Z");
}

TEST_CASE("a timestamp is cut to the millisecond, also before 1970") {
    CHECK(formatTimestamp(WallClock{1s + 1999us}) == "1970-01-01T00:00:01.001Z");
    CHECK(formatTimestamp(WallClock{-1us}) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("the monotonic clock does not go backwards") {
    const Now first = readClocks();
    const Now second = readClocks();
    CHECK(second.mono >= first.mono);
    CHECK(formatTimestamp(second.wall) > "2026");
}
