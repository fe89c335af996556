// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "agent/core/input_queue.hpp"

namespace rollo::core {
namespace {

using std::chrono::milliseconds;
constexpr common::TokenBucket::Rate rate{8192, 2048};

common::Monotonic at(int ms) {
    return common::Monotonic(std::chrono::hours(1)) + milliseconds(ms);
}

TEST_CASE("a key goes at once") {
    InputQueue queue;
    CHECK_FALSE(queue.take(rate, at(0)));
    queue.push("a");
    CHECK(queue.take(rate, at(0)) == "a");
    CHECK(queue.size() == 0);
}

TEST_CASE("a paste goes whole, in order, and no faster than the budget") {
    InputQueue queue;
    std::string paste;
    for (int i = 0; paste.size() < 200'000; ++i) paste += std::to_string(i) + ",";
    queue.push(std::string_view(paste).substr(0, 100'000));
    queue.push(std::string_view(paste).substr(100'000));
    std::string gone;
    int ms = 0;
    std::size_t atOnce = 0;
    while (queue.size() > 0) {
        while (const auto piece = queue.take(rate, at(ms))) {
            CHECK(piece->size() <= 512);
            gone += *piece;
        }
        if (ms == 0) atOnce = gone.size();
        CHECK(static_cast<double>(gone.size()) <= 2048 + 8.192 * ms + 1);
        if (queue.size() == 0) break;
        const auto wait = queue.wait(rate, at(ms));
        REQUIRE(wait > milliseconds(0));
        REQUIRE(wait < milliseconds(100));
        ms += static_cast<int>(wait.count());
    }
    CHECK(gone == paste);
    CHECK(atOnce == 2048);
    CHECK(ms < 26'000);
}

TEST_CASE("a budget with a burst that is smaller than a piece still lets it through") {
    InputQueue queue;
    queue.push("0123456789");
    const common::TokenBucket::Rate narrow{100, 4};
    CHECK(queue.take(narrow, at(0)) == "0123");
    CHECK_FALSE(queue.take(narrow, at(0)));
    CHECK(queue.wait(narrow, at(0)) == milliseconds(40));
    CHECK(queue.take(narrow, at(41)) == "4567");
}

TEST_CASE("what is dropped is counted") {
    InputQueue queue;
    queue.push(std::string(1000, 'x'));
    queue.take(rate, at(0));
    CHECK(queue.clear() == 488);
    CHECK(queue.size() == 0);
    CHECK(queue.clear() == 0);
}

}  // namespace
}  // namespace rollo::core
