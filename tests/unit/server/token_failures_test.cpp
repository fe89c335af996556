// SPDX-License-Identifier: Apache-2.0
#include "agent/server/token_failures.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

using namespace rollo::server;
using namespace std::chrono_literals;
using rollo::common::Monotonic;

namespace {

constexpr double perMinute = 6;
constexpr Monotonic start{1000s};

Address site(const std::string& text) {
    return siteOf(Network::parse(text).value().address);
}

}  // namespace

TEST_CASE("after so many bad tokens a site is not looked at until one more may fail") {
    TokenFailures failures;
    const auto here = site("192.0.2.1");
    for (int i = 0; i < 6; ++i) {
        CHECK(failures.until(here, perMinute, start) == 0ms);
        failures.note(here, perMinute, start);
    }
    CHECK(failures.until(here, perMinute, start) == 10s);
    CHECK(failures.until(here, perMinute, start + 9s) == 1s);
    CHECK(failures.until(here, perMinute, start + 10s) == 0ms);
    failures.note(here, perMinute, start + 10s);
    CHECK(failures.until(here, perMinute, start + 10s) == 10s);
    CHECK(failures.until(site("192.0.2.2"), perMinute, start) == 0ms);
}

TEST_CASE("what is known of a site is forgotten when it is of no more use") {
    TokenFailures failures;
    failures.note(site("192.0.2.1"), perMinute, start);
    failures.tick(perMinute, start + 9s);
    CHECK(failures.sites() == 1);
    failures.tick(perMinute, start + 10s);
    CHECK(failures.sites() == 0);
}

TEST_CASE("bad tokens from many networks fill no memory") {
    TokenFailures failures;
    for (int i = 0; i < 50'000; ++i)
        failures.note(site(fmt::format("2001:db8:{:x}:{:x}::1", i / 65536, i % 65536)), perMinute,
                      start);
    CHECK(failures.sites() < 20'000);
}
