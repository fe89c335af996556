// SPDX-License-Identifier: Apache-2.0
#include "agent/server/user_seats.hpp"

#include <doctest/doctest.h>

#include <vector>

using rollo::server::UserSeats;

TEST_CASE("a user has so many seats, and a free one again when one is given back") {
    UserSeats seats;
    std::vector<UserSeats::Seat> taken;
    for (int i = 0; i < 3; ++i) taken.push_back(seats.take("ann", 3).value());
    CHECK_FALSE(seats.take("ann", 3));
    CHECK(seats.take("bob", 3));
    CHECK(seats.taken("bob") == 0);
    taken.pop_back();
    CHECK(seats.taken("ann") == 2);
    CHECK(seats.take("ann", 3));
}

TEST_CASE("a seat that is handed on is one seat") {
    UserSeats seats;
    std::optional<UserSeats::Seat> first = seats.take("ann", 9);
    std::optional<UserSeats::Seat> second = std::move(first);
    CHECK(seats.taken("ann") == 1);
    first.reset();
    CHECK(seats.taken("ann") == 1);
    first = seats.take("bob", 9);
    *second = std::move(*first);
    first.reset();
    CHECK(seats.taken("ann") == 0);
    CHECK(seats.taken("bob") == 1);
    second.reset();
    CHECK(seats.taken("bob") == 0);
}

TEST_CASE("a lower limit leaves those alone who are there") {
    UserSeats seats;
    auto first = seats.take("ann", 2);
    auto second = seats.take("ann", 2);
    CHECK_FALSE(seats.take("ann", 1));
    first.reset();
    CHECK_FALSE(seats.take("ann", 1));
    second.reset();
    CHECK(seats.take("ann", 1));
}
