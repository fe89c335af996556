// SPDX-License-Identifier: Apache-2.0
#include "agent/server/tickets.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <set>

using namespace rollo::server;
using namespace std::chrono_literals;
using rollo::common::Monotonic;

namespace {

constexpr Monotonic start{1000s};

Ticket of(std::string user, std::string path = "/ws") {
    Ticket ticket;
    ticket.owner.user = std::move(user);
    ticket.path = std::move(path);
    return ticket;
}

}  // namespace

TEST_CASE("a ticket is good once") {
    Tickets tickets;
    const auto shown = tickets.issue(of("ann", "/ws/stats"), 9, start);
    REQUIRE(shown);
    CHECK_FALSE(tickets.redeem("", start));
    CHECK_FALSE(tickets.redeem(shown->substr(1), start));
    const auto ticket = tickets.redeem(*shown, start + 29s);
    REQUIRE(ticket);
    CHECK(ticket->owner.user == "ann");
    CHECK(ticket->path == "/ws/stats");
    CHECK_FALSE(tickets.redeem(*shown, start + 29s));
    CHECK(tickets.size() == 0);
}

TEST_CASE("a ticket is good for half a minute") {
    Tickets tickets;
    const auto shown = tickets.issue(of("ann"), 9, start);
    CHECK_FALSE(tickets.redeem(*shown, start + 30s));
    CHECK(tickets.size() == 0);
    tickets.issue(of("ann"), 9, start);
    tickets.tick(start + 29s);
    CHECK(tickets.size() == 1);
    tickets.tick(start + 30s);
    CHECK(tickets.size() == 0);
}

TEST_CASE("no two are alike, and each is 128 bits long") {
    Tickets tickets;
    std::set<std::string> all;
    for (int i = 0; i < 1000; ++i) all.insert(tickets.issue(of("ann"), 1000, start).value());
    CHECK(all.size() == 1000);
    for (const auto& shown : all) REQUIRE(shown.size() == 32);
}

TEST_CASE("a user has so many that may still be used, and the others theirs") {
    Tickets tickets;
    const auto first = tickets.issue(of("ann"), 2, start);
    CHECK(tickets.issue(of("ann"), 2, start + 10s));
    CHECK_FALSE(tickets.issue(of("ann"), 2, start + 10s));
    CHECK(tickets.issue(of("bob"), 2, start + 10s));
    CHECK(tickets.redeem(*first, start + 10s));
    CHECK(tickets.issue(of("ann"), 2, start + 10s));
    CHECK_FALSE(tickets.issue(of("ann"), 2, start + 39s));
    CHECK(tickets.issue(of("ann"), 2, start + 40s));
}

TEST_CASE("many users fill no memory") {
    Tickets tickets;
    int issued = 0;
    for (int i = 0; i < 9'000; ++i)
        issued += tickets.issue(of(fmt::format("user-{}", i)), 9, start) ? 1 : 0;
    CHECK(issued == 8192);
    CHECK(tickets.size() == 8192);
}
