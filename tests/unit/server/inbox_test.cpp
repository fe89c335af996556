// SPDX-License-Identifier: Apache-2.0
#include "agent/server/inbox.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <utility>

#include "common/unique_fd.hpp"

using namespace std::chrono_literals;
using namespace rollo::server;
using rollo::common::Monotonic;
using rollo::common::UniqueFd;
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

namespace {

/// The agent's end, then the client's.
std::pair<UniqueFd, UniqueFd> unixPair() {
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace

TEST_CASE("pings that were answered count where the kernel does not") {
    const auto [agent, client] = unixPair();
    Budget budget;
    Inbox inbox(budget);
    const Budget::Limits limits{.messagesPerSecond = 2};
    for (int i = 0; i < 20; ++i) CHECK(inbox.takePing(agent.get(), limits, Monotonic(1s)));
    CHECK_FALSE(inbox.takePing(agent.get(), limits, Monotonic(1s)));
    CHECK(inbox.takePing(agent.get(), limits, Monotonic(2s)));
}

TEST_CASE("who sends faster than it can be read has something waiting at every look") {
    const auto [agent, client] = unixPair();
    Budget budget;
    Inbox inbox(budget);
    const auto look = [&](int second, bool reading = true) {
        return inbox.isFlooded(agent.get(), reading, {}, Monotonic(std::chrono::seconds(second)));
    };
    const auto write = [&](std::size_t bytes) {
        const std::string sent(bytes, 'x');
        REQUIRE(::send(client.get(), sent.data(), bytes, 0) == static_cast<ssize_t>(bytes));
    };
    const auto drain = [&] {
        std::string into(65536, '\0');
        ::recv(agent.get(), into.data(), into.size(), MSG_DONTWAIT);
    };
    write(4000);
    CHECK_FALSE(look(100));
    CHECK_FALSE(look(101));  // too soon to be a look
    CHECK_FALSE(look(102));
    CHECK_FALSE(look(103));
    CHECK_FALSE(look(105));
    CHECK(look(110));
    drain();
    CHECK_FALSE(look(115));
    write(1000);
    for (int second = 120; second < 200; second += 5) CHECK_FALSE(look(second));
    write(1000);
    CHECK_FALSE(look(200));
    CHECK_FALSE(look(205));
    CHECK_FALSE(look(210, false));
    CHECK_FALSE(look(215));
}
