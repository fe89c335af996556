// SPDX-License-Identifier: Apache-2.0
#include "common/token_bucket.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using rollo::common::Monotonic;
using rollo::common::TokenBucket;

namespace {

constexpr TokenBucket::Rate rate{.perSecond = 10, .burst = 20};
constexpr Monotonic start{1000s};

int takeAll(TokenBucket& bucket, Monotonic now) {
    int taken = 0;
    while (bucket.take(1, rate, now)) ++taken;
    return taken;
}

}  // namespace

TEST_CASE("a bucket begins full, and holds no more after a long time") {
    TokenBucket bucket;
    CHECK(takeAll(bucket, start) == 20);
    CHECK(takeAll(bucket, start + 1h) == 20);
}

TEST_CASE("it fills at its rate") {
    TokenBucket bucket;
    takeAll(bucket, start);
    CHECK(takeAll(bucket, start + 99ms) == 0);
    CHECK(takeAll(bucket, start + 1050ms) == 10);
    int taken = 0;
    for (auto now = start + 1050ms; now <= start + 11050ms; now += 7ms)
        taken += takeAll(bucket, now);
    CHECK(taken >= 99);
    CHECK(taken <= 101);
}

TEST_CASE("what is refused costs nothing") {
    TokenBucket bucket;
    CHECK_FALSE(bucket.take(21, rate, start));
    CHECK(bucket.take(20, rate, start));
    CHECK_FALSE(bucket.take(0.1, rate, start));
}

TEST_CASE("it tells when it is full again") {
    TokenBucket bucket;
    CHECK(bucket.untilFull(rate, start) == 0ms);
    bucket.take(20, rate, start);
    CHECK(bucket.untilFull(rate, start) == 2000ms);
    CHECK(bucket.untilFull(rate, start + 1500ms) == 500ms);
    CHECK(bucket.untilFull(rate, start + 5s) == 0ms);
}

TEST_CASE("a clock that stands still or goes back fills nothing") {
    TokenBucket bucket;
    takeAll(bucket, start);
    CHECK(takeAll(bucket, start) == 0);
    CHECK(takeAll(bucket, start - 10s) == 0);
}
