// SPDX-License-Identifier: Apache-2.0
#include "agent/server/loop_lag.hpp"

#include <doctest/doctest.h>

using namespace rollo;
using namespace std::chrono_literals;
using server::LoopLag;

namespace {

constexpr common::Monotonic begin{1000s};

}  // namespace

TEST_CASE("the longest turn of this minute and the one before is shown") {
    LoopLag lag;
    lag.turn(3ms, begin);
    lag.turn(2ms, begin + 10s);
    CHECK(lag.longest() == 3ms);
    lag.turn(1ms, begin + 70s);
    CHECK(lag.longest() == 3ms);
    lag.turn(1ms, begin + 131s);
    CHECK(lag.longest() == 1ms);
    CHECK(lag.longestEver() == 3ms);
}

TEST_CASE("after a long quiet nothing old is shown") {
    LoopLag lag;
    lag.turn(50ms, begin);
    lag.turn(1ms, begin + 10min);
    CHECK(lag.longest() == 1ms);
}

TEST_CASE("turns that are busy for long are counted") {
    LoopLag lag;
    lag.turn(99ms, begin);
    CHECK(lag.stalls() == 0);
    lag.turn(100ms, begin);
    lag.turn(2s, begin);
    CHECK(lag.stalls() == 2);
}
