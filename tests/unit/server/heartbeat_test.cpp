// SPDX-License-Identifier: Apache-2.0
#include "agent/server/heartbeat.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using rollo::common::Monotonic;
using rollo::server::Heartbeat;
using Due = Heartbeat::Due;

namespace {

struct Bench {
    Heartbeat heartbeat;

    Bench() { heartbeat.heard(at(0s)); }
    static Monotonic at(std::chrono::seconds later) { return Monotonic(1h) + later; }
    Due tick(std::chrono::seconds later, bool listening = true) {
        return heartbeat.tick(at(later), 30s, listening);
    }
};

}  // namespace

TEST_CASE("a client that says something is asked nothing") {
    Bench bench;
    for (auto second = 1s; second < 300s; ++second) {
        if (second.count() % 29 == 0) bench.heartbeat.heard(Bench::at(second));
        CHECK(bench.tick(second) == Due::nothing);
    }
}

TEST_CASE("a silent client is asked once, and is gone if it does not answer") {
    Bench bench;
    CHECK(bench.tick(29s) == Due::nothing);
    CHECK(bench.tick(30s) == Due::ping);
    CHECK(bench.tick(31s) == Due::nothing);
    CHECK(bench.tick(59s) == Due::nothing);
    CHECK(bench.tick(60s) == Due::end);
}

TEST_CASE("an answer begins anew") {
    Bench bench;
    CHECK(bench.tick(30s) == Due::ping);
    bench.heartbeat.heard(Bench::at(31s));
    CHECK(bench.tick(60s) == Due::nothing);
    CHECK(bench.tick(61s) == Due::ping);
    CHECK(bench.tick(91s) == Due::end);
}

TEST_CASE("a client that is not read is asked again and again, and never gone") {
    Bench bench;
    for (auto second = 1s; second <= 600s; ++second)
        CHECK(bench.tick(second, false) == (second.count() % 30 == 0 ? Due::ping : Due::nothing));
    // What it has answered meanwhile is read from here on: it has the time to be so.
    CHECK(bench.tick(629s) == Due::nothing);
    CHECK(bench.tick(630s) == Due::nothing);
    CHECK(bench.tick(658s) == Due::nothing);
    CHECK(bench.tick(659s) == Due::ping);
    CHECK(bench.tick(689s) == Due::end);
}
