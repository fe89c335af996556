// SPDX-License-Identifier: Apache-2.0
#include "agent/server/admission.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

using namespace rollo::server;
using namespace std::chrono_literals;
using rollo::common::Monotonic;

namespace {

constexpr Monotonic start{1000s};

std::optional<Address> from(const std::string& text) {
    return Network::parse(text).value().address;
}

Admission::Limits limits() {
    return {.connections = 10, .perAddress = 3, .newPerSecond = 4, .exempt = {}};
}

}  // namespace

TEST_CASE("there are as many connections as there may be, and room again when one leaves") {
    Admission admission(limits());
    for (int i = 0; i < 10; ++i)
        CHECK_FALSE(admission.admit(from(fmt::format("192.0.2.{}", i)), start));
    CHECK(admission.admit(from("192.0.2.99"), start) == Refused::connections);
    CHECK(admission.admit(std::nullopt, start) == Refused::connections);
    admission.leave(from("192.0.2.1"));
    CHECK_FALSE(admission.admit(from("192.0.2.99"), start));
    CHECK(admission.connections() == 10);
}

TEST_CASE("one address has its share, and the others have theirs") {
    Admission admission(limits());
    for (int i = 0; i < 3; ++i) CHECK_FALSE(admission.admit(from("192.0.2.1"), start));
    CHECK(admission.admit(from("192.0.2.1"), start) == Refused::connectionsPerAddress);
    CHECK_FALSE(admission.admit(from("192.0.2.2"), start));
    admission.leave(from("192.0.2.1"));
    CHECK_FALSE(admission.admit(from("192.0.2.1"), start + 1s));
}

TEST_CASE("an IPv6 address counts as its network of 64 bits") {
    Admission admission(limits());
    for (int i = 0; i < 3; ++i)
        CHECK_FALSE(admission.admit(from(fmt::format("2001:db8::{}", i + 1)), start));
    CHECK(admission.admit(from("2001:db8::ffff:1"), start) == Refused::connectionsPerAddress);
    CHECK_FALSE(admission.admit(from("2001:db8:0:1::1"), start));
    admission.leave(from("2001:db8::2"));
    CHECK_FALSE(admission.admit(from("2001:db8::77"), start + 1s));
}

TEST_CASE("new connections of one address are bounded in time") {
    Admission admission(limits());
    const auto attempt = [&](Monotonic now) {
        const auto refused = admission.admit(from("192.0.2.1"), now);
        if (!refused) admission.leave(from("192.0.2.1"));
        return refused;
    };
    for (int i = 0; i < 8; ++i) CHECK_FALSE(attempt(start));
    CHECK(attempt(start) == Refused::connectionRate);
    CHECK_FALSE(admission.admit(from("192.0.2.2"), start));
    CHECK_FALSE(attempt(start + 250ms));
    CHECK(attempt(start + 250ms) == Refused::connectionRate);
}

TEST_CASE("attempts over the cap spend the rate as well") {
    Admission admission(limits());
    for (int i = 0; i < 3; ++i) admission.admit(from("192.0.2.1"), start);
    for (int i = 0; i < 5; ++i)
        CHECK(admission.admit(from("192.0.2.1"), start) == Refused::connectionsPerAddress);
    CHECK(admission.admit(from("192.0.2.1"), start) == Refused::connectionRate);
}

TEST_CASE("UNIX sockets and exempt networks count in all alone") {
    auto some = limits();
    some.exempt = {Network::parse("127.0.0.0/8").value()};
    Admission admission(some);
    for (int i = 0; i < 5; ++i) CHECK_FALSE(admission.admit(from("127.0.0.1"), start));
    for (int i = 0; i < 5; ++i) CHECK_FALSE(admission.admit(std::nullopt, start));
    CHECK(admission.admit(from("127.0.0.1"), start) == Refused::connections);
    admission.leave(from("127.0.0.1"));
    admission.leave(std::nullopt);
    CHECK(admission.connections() == 8);
    CHECK(admission.sites() == 0);
}

TEST_CASE("what is known of an address is forgotten when it is of no more use") {
    Admission admission(limits());
    admission.admit(from("192.0.2.1"), start);
    admission.admit(from("192.0.2.2"), start);
    admission.leave(from("192.0.2.2"));
    admission.tick(start);
    CHECK(admission.sites() == 2);
    admission.tick(start + 2s);
    CHECK(admission.sites() == 1);
    CHECK(admission.connections() == 1);
}

TEST_CASE("strangers from many networks fill no memory") {
    auto some = limits();
    some.perAddress = 0;
    Admission admission(some);
    for (int i = 0; i < 50'000; ++i)
        admission.admit(from(fmt::format("2001:db8:{:x}:{:x}::1", i / 65536, i % 65536)), start);
    CHECK(admission.sites() < 20'000);
}

TEST_CASE("lower limits leave those alone who are there") {
    Admission admission(limits());
    for (int i = 0; i < 3; ++i) admission.admit(from("192.0.2.1"), start);
    auto fewer = limits();
    fewer.perAddress = 1;
    admission.setLimits(fewer);
    for (int i = 0; i < 2; ++i) admission.leave(from("192.0.2.1"));
    CHECK(admission.admit(from("192.0.2.1"), start) == Refused::connectionsPerAddress);
    admission.leave(from("192.0.2.1"));
    CHECK_FALSE(admission.admit(from("192.0.2.1"), start));
}

TEST_CASE("who comes through a proxy counts for its own address, and not twice in all") {
    Admission admission(limits());
    CHECK_FALSE(admission.admit(std::nullopt, start));
    for (int i = 0; i < 3; ++i) CHECK_FALSE(admission.join(from("192.0.2.1"), start));
    CHECK(admission.connections() == 1);
    CHECK(admission.join(from("192.0.2.1"), start) == Refused::connectionsPerAddress);
    CHECK(admission.admit(from("192.0.2.1"), start + 1s) == Refused::connectionsPerAddress);
    CHECK_FALSE(admission.join(from("192.0.2.2"), start));
    CHECK_FALSE(admission.join(std::nullopt, start));
    admission.part(from("192.0.2.1"));
    CHECK_FALSE(admission.join(from("192.0.2.1"), start + 1s));
    CHECK(admission.connections() == 1);
}

TEST_CASE("its requests are bounded in time as connections would be") {
    Admission admission(limits());
    int taken = 0;
    for (int i = 0; i < 20; ++i) taken += admission.takeRequest(from("192.0.2.1"), start) ? 1 : 0;
    CHECK(taken == 8);
    CHECK(admission.join(from("192.0.2.1"), start) == Refused::connectionRate);
    CHECK(admission.takeRequest(from("192.0.2.2"), start));
    CHECK(admission.takeRequest(from("192.0.2.1"), start + 1s));
    CHECK(admission.takeRequest(std::nullopt, start));
    admission.tick(start + 100s);
    CHECK(admission.sites() == 0);
}
