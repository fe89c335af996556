// SPDX-License-Identifier: Apache-2.0
#include "agent/server/address.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <string>

#include "agent/server/listen_address.hpp"

using namespace rollo::server;

namespace {

Address address(const std::string& text) {
    const auto network = Network::parse(text);
    REQUIRE(network);
    return network->address;
}

Address socketAddress(const std::string& listen) {
    return addressOf(ListenAddress::parse(listen)->address).value();
}

}  // namespace

TEST_CASE("an IPv4 peer is the same whether it comes by IPv4 or mapped into IPv6") {
    CHECK(socketAddress("192.0.2.1:1") == socketAddress("[::ffff:192.0.2.1]:2"));
    CHECK(socketAddress("192.0.2.1:1") != socketAddress("192.0.2.2:1"));
}

TEST_CASE("a UNIX socket has no address") {
    CHECK_FALSE(addressOf(ListenAddress::parse("unix:/run/x")->address));
}

TEST_CASE("an IPv6 site is its /64, an IPv4 site is its address") {
    CHECK(siteOf(address("2001:db8:1:2::1")) == siteOf(address("2001:db8:1:2:ffff::9")));
    CHECK(siteOf(address("2001:db8:1:2::1")) != siteOf(address("2001:db8:1:3::1")));
    CHECK(siteOf(address("192.0.2.1")) != siteOf(address("192.0.2.2")));
    CHECK(siteOf(address("192.0.2.1")) == address("192.0.2.1"));
}

TEST_CASE("a network contains its addresses") {
    const auto contains = [](const char* network, const char* other) {
        return Network::parse(network)->contains(address(other));
    };
    CHECK(contains("127.0.0.0/8", "127.255.0.1"));
    CHECK_FALSE(contains("127.0.0.0/8", "128.0.0.1"));
    CHECK(contains("192.0.2.128/25", "192.0.2.129"));
    CHECK_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
    CHECK(contains("192.0.2.1", "192.0.2.1"));
    CHECK_FALSE(contains("192.0.2.1", "192.0.2.2"));
    CHECK(contains("0.0.0.0/0", "203.0.113.9"));
    CHECK_FALSE(contains("0.0.0.0/0", "2001:db8::1"));
    CHECK(contains("::/0", "203.0.113.9"));
    CHECK(contains("2001:db8::/33", "2001:db8:7fff::1"));
    CHECK_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(contains("::1", "::1"));
    CHECK_FALSE(contains("::1", "127.0.0.1"));
}

TEST_CASE("what is no network") {
    for (const auto* text : {"", "/8", "127.0.0.1/", "127.0.0.1/33", "::/129", "127.0.0.1/x", "a",
                             "127.0.0.1/-1", "127.1/8", "[::1]", "127.0.0.1/8/8"})
        CHECK_MESSAGE(!Network::parse(text), text);
    CHECK_FALSE(Network::parse(std::string_view("10.0.0.1\0x/8", 12)));
    CHECK_FALSE(Network::parse(std::string_view("::1\0", 4)));
}

TEST_CASE("an address is read and written as people write it") {
    for (const char* text : {"192.0.2.1", "2001:db8::1", "::", "::1"})
        CHECK(textOf(parseAddress(text).value()) == text);
    CHECK(textOf(parseAddress("::ffff:192.0.2.1").value()) == "192.0.2.1");
    CHECK(parseAddress("::ffff:192.0.2.1") == parseAddress("192.0.2.1"));
    for (const char* text : {"", "192.0.2.1/24", "192.0.2", "[::1]", "::1%lo", " ::1", "localhost"})
        CHECK_FALSE(parseAddress(text));
    CHECK_FALSE(parseAddress(std::string_view("::1\0x", 5)));
}
