// SPDX-License-Identifier: Apache-2.0
#include "agent/server/budget.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using rollo::common::Monotonic;
using rollo::server::Budget;

namespace {

constexpr Budget::Limits limits{
    .messagesPerSecond = 2, .bytesPerSecond = 100, .errorsPerMinute = 6};
constexpr Monotonic start{1000s};

template <class Take>
int count(Take take) {
    int taken = 0;
    while (take()) ++taken;
    return taken;
}

}  // namespace

TEST_CASE("ten seconds of messages at once, then so many a second") {
    Budget budget;
    CHECK(count([&] { return budget.takeMessage(limits, start); }) == 20);
    CHECK(count([&] { return budget.takeMessage(limits, start + 3s); }) == 6);
}

TEST_CASE("a minute of errors at once, then one in ten seconds") {
    Budget budget;
    CHECK(count([&] { return budget.takeError(limits, start); }) == 6);
    CHECK_FALSE(budget.takeError(limits, start + 9s));
    CHECK(budget.takeError(limits, start + 10s));
}

TEST_CASE("an empty frame costs its header") {
    Budget budget;
    CHECK(count([&] { return budget.takeBytes(0, limits, start); }) == 1000 / 6);
    Budget other;
    CHECK(other.takeBytes(994, limits, start));
    CHECK_FALSE(other.takeBytes(0, limits, start));
}

TEST_CASE("all of it is there again when the slowest is") {
    Budget budget;
    CHECK(budget.untilFull(limits, start) == 0ms);
    budget.takeMessage(limits, start);
    CHECK(budget.untilFull(limits, start) == 500ms);
    budget.takeError(limits, start);
    CHECK(budget.untilFull(limits, start) == 10s);
}

TEST_CASE("what the budget lets through never exceeds what the kernel may count") {
    CHECK_FALSE(Budget::exceeds(100 * (5 + 10), 5s, limits));
    CHECK(Budget::exceeds(100 * (5 + 10) * 2, 5s, limits));
}
