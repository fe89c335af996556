// SPDX-License-Identifier: Apache-2.0
#include "agent/server/inbox.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace rollo::server;
using rollo::common::Monotonic;
using Trouble = Inbox::Trouble;

namespace {

struct Bench {
    Budget budget;
    Budget::Limits limits;
    Inbox inbox{budget};
    std::size_t most = 100;

    auto take(std::string_view piece, bool last = true, bool binary = false) {
        return inbox.take(piece, binary, last, most, limits, Monotonic(1h));
    }
    std::string message(std::string_view piece, bool binary = false) {
        const auto taken = take(piece, true, binary);
        REQUIRE(taken);
        REQUIRE(*taken);
        CHECK((*taken)->binary == binary);
        return std::string((*taken)->bytes());
    }
    void begin(std::string_view piece, bool binary = false) {
        const auto taken = take(piece, false, binary);
        REQUIRE(taken);
        CHECK_FALSE(*taken);
    }
    Trouble trouble(std::string_view piece, bool last = true) {
        const auto taken = take(piece, last);
        REQUIRE_FALSE(taken);
        return taken.error();
    }
};

}  // namespace

TEST_CASE("a message of one piece is not copied") {
    Bench bench;
    const std::string text = "whole";
    const auto taken = bench.take(text);
    REQUIRE(taken.value());
    CHECK((*taken)->bytes().data() == text.data());
}

TEST_CASE("pieces are joined, and each message begins anew") {
    Bench bench;
    bench.begin("a");
    bench.begin("b");
    bench.begin("");
    CHECK(bench.message("c") == "abc");
    CHECK(bench.message("d") == "d");
    bench.begin("");
    CHECK(bench.message("") == "");
    bench.begin("e");
    CHECK(bench.message("") == "e");
}

TEST_CASE("a message is binary as its first piece is") {
    Bench bench;
    bench.begin("a", true);
    const auto taken = bench.take("b", true, false);
    CHECK((*taken)->binary);
    CHECK(bench.message("c", false) == "c");
    CHECK(bench.message("d", true) == "d");
}

TEST_CASE("a message may be as long as allowed, in one piece or in many") {
    Bench bench;
    CHECK(bench.message(std::string(100, 'x')).size() == 100);
    CHECK(bench.trouble(std::string(101, 'x')) == Trouble::tooLarge);
    Bench pieces;
    pieces.begin(std::string(60, 'x'));
    CHECK(pieces.trouble(std::string(41, 'x'), false) == Trouble::tooLarge);
}

TEST_CASE("messages beyond the budget are not passed on, and later ones are") {
    Bench bench;
    bench.limits.messagesPerSecond = 1;
    for (int i = 0; i < 10; ++i) CHECK(bench.message("x") == "x");
    CHECK(bench.trouble("y") == Trouble::tooManyMessages);
    bench.begin("a");
    CHECK(bench.trouble("b") == Trouble::tooManyMessages);
    const auto later = bench.inbox.take("z", false, true, 100, bench.limits, Monotonic(1h) + 2s);
    REQUIRE(later);
    CHECK((*later)->bytes() == "z");
}

TEST_CASE("bytes beyond the budget are seen with the piece that brings them") {
    Bench bench;
    bench.most = 1 << 20;
    bench.limits.bytesPerSecond = 1000;
    bench.begin(std::string(5000, 'x'));
    CHECK(bench.trouble(std::string(6000, 'x'), false) == Trouble::tooManyBytes);
}
