// SPDX-License-Identifier: Apache-2.0
#include "common/random.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace rollo::common;

TEST_CASE("random text is hexadecimal, of the length asked for, and does not repeat") {
    CHECK(randomHex(0) == "");
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const std::string text = randomHex(16);
        CHECK(text.size() == 32);
        CHECK(text.find_first_not_of("0123456789abcdef") == std::string::npos);
        seen.insert(text);
    }
    CHECK(seen.size() == 100);
    CHECK(randomHex(1000).size() == 2000);
}
