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

TEST_CASE("a timestamp is read in the form in which it is written") {
    for (const auto* text : {"1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.007Z",
                             "2026-12-31T00:00:00.999Z", "2261-12-31T23:59:59.999Z"})
        CHECK(formatTimestamp(parseTimestamp(text).value()) == text);
}

TEST_CASE("no other form of a time is read, and none that does not exist") {
    for (const auto* text : {"",
                             "2026-01-01",
                             "2026-01-01T00:00:00Z",
                             "2026-01-01T00:00:00.000",
                             "now",
                             "2026-01-01T00:00:00.000+",
                             "2026-01-01 00:00:00.000Z",
                             "2026-02-29T00:00:00.000Z",
                             "2026-13-01T00:00:00.000Z",
                             "2026-00-01T00:00:00.000Z",
                             "2026-01-00T00:00:00.000Z",
                             "2026-01-01T24:00:00.000Z",
                             "2026-01-01T00:60:00.000Z",
                             "2026-01-01T00:00:60.000Z",
                             "2026-01-01T00:00:0-.000Z",
                             "-026-01-01T00:00:00.000Z",
                             "2026-01-01T00:00:00.0x0Z",
                             "1969-12-31T23:59:59.999Z",
                             "2262-01-01T00:00:00.000Z",
                             "9999-12-31T23:59:59.999Z"}) {
        CAPTURE(text);
        CHECK_FALSE(parseTimestamp(text));
    }
}

TEST_CASE("the monotonic clock does not go backwards") {
    const Now first = readClocks();
    const Now second = readClocks();
    CHECK(second.mono >= first.mono);
    CHECK(formatTimestamp(second.wall) > "2026");
}
