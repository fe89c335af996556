// SPDX-License-Identifier: Apache-2.0
#include "agent/server/publish_rates.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using rollo::common::Monotonic;
using rollo::server::PublishRates;

namespace {

constexpr double rate = 50;
constexpr Monotonic start{1000s};
const PublishRates::User ann = "ann";
const PublishRates::User socket;

}  // namespace

TEST_CASE("two seconds of events at once, then so many a second") {
    PublishRates rates;
    for (int i = 0; i < 100; ++i) REQUIRE(rates.take(ann, 1, rate, start) == 0ms);
    CHECK(rates.take(ann, 1, rate, start) == 20ms);
    CHECK(rates.until(ann, rate, start) == 20ms);
    CHECK(rates.take(ann, 1, rate, start + 20ms) == 0ms);
    CHECK(rates.take(ann, 51, rate, start + 1020ms) > 0ms);
    CHECK(rates.take(ann, 50, rate, start + 1020ms) == 0ms);
}

TEST_CASE("the longest array is never too much for good") {
    PublishRates rates;
    CHECK(rates.take(ann, 64, 1, start) == 0ms);
    CHECK(rates.take(ann, 64, 1, start + 63s) == 1s);
    CHECK(rates.take(ann, 64, 1, start + 64s) == 0ms);
}

TEST_CASE("each user has a rate of its own, and those of the socket one together") {
    PublishRates rates;
    CHECK(rates.take(ann, 100, rate, start) == 0ms);
    CHECK(rates.take("bob", 100, rate, start) == 0ms);
    CHECK(rates.take(socket, 100, rate, start) == 0ms);
    CHECK(rates.take(socket, 1, rate, start) > 0ms);
}

TEST_CASE("who is quiet is forgotten once nothing is missing any more") {
    PublishRates rates;
    rates.take(ann, 50, rate, start);
    rates.tick(rate, start + 900ms);
    CHECK(rates.users() == 1);
    rates.tick(rate, start + 1100ms);
    CHECK(rates.users() == 0);
    CHECK(rates.until(ann, rate, start) == 0ms);
}
