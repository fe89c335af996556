// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_staging.hpp"

#include <doctest/doctest.h>

#include <string>

using rollo::virt::ConsoleStaging;

TEST_CASE("what waits is told once until it is taken") {
    ConsoleStaging staging(100);
    CHECK_FALSE(staging.toTell());
    staging.append("one ");
    CHECK(staging.toTell());
    staging.append("two");
    CHECK_FALSE(staging.toTell());
    const auto taken = staging.take();
    CHECK(taken.bytes == "one two");
    CHECK(taken.dropped == 0);
    CHECK_FALSE(staging.toTell());
    staging.append("three");
    CHECK(staging.toTell());
    CHECK(staging.take().bytes == "three");
    CHECK(staging.take().bytes.empty());
}

TEST_CASE("what nobody takes is bounded: the oldest is dropped and counted") {
    ConsoleStaging staging(80);
    std::string all;
    for (int i = 0; i < 1000; ++i) {
        const std::string line = "line " + std::to_string(i) + "\n";
        all += line;
        staging.append(line);
    }
    const auto taken = staging.take();
    CHECK(taken.bytes.size() <= 80);
    CHECK(taken.bytes.size() > 60);
    CHECK(taken.dropped + taken.bytes.size() == all.size());
    CHECK(all.ends_with(taken.bytes));
    CHECK(staging.take().dropped == 0);
}

TEST_CASE("of more at once than there is room for the end is kept") {
    ConsoleStaging staging(4);
    staging.append("ab");
    staging.append("0123456789");
    const auto taken = staging.take();
    CHECK(taken.bytes == "6789");
    CHECK(taken.dropped == 8);
}
