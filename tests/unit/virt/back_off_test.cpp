// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/back_off.hpp"

#include <doctest/doctest.h>

using namespace rollo::virt;
using std::chrono::milliseconds;

TEST_CASE("each wait is up to twice the one before, never beyond the longest") {
    BackOff backOff(milliseconds(1000), milliseconds(30000), 1);
    for (const int whole : {1000, 2000, 4000, 8000, 16000, 30000, 30000}) {
        const auto wait = backOff.next();
        CHECK(wait <= milliseconds(whole));
        CHECK(wait >= milliseconds(whole * 3 / 4));
    }
    backOff.reset();
    CHECK(backOff.next() <= milliseconds(1000));
}

TEST_CASE("two agents do not wait in step") {
    BackOff one(milliseconds(1000), milliseconds(30000), 1);
    BackOff other(milliseconds(1000), milliseconds(30000), 2);
    bool differ = false;
    for (int i = 0; i < 5; ++i) differ |= one.next() != other.next();
    CHECK(differ);
}
