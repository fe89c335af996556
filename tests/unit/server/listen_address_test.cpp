// SPDX-License-Identifier: Apache-2.0
#include "agent/server/listen_address.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <string>

using rollo::server::hostText;
using rollo::server::ListenAddress;

TEST_CASE("an IPv4 address and a port") {
    const auto address = ListenAddress::parse("127.0.0.1:8780");
    REQUIRE(address);
    CHECK(address->address.ss_family == AF_INET);
    CHECK(address->length == sizeof(sockaddr_in));
    CHECK(ntohs(reinterpret_cast<const sockaddr_in&>(address->address).sin_port) == 8780);
    CHECK(hostText(address->address) == "127.0.0.1");
    CHECK(address->text == "127.0.0.1:8780");
    CHECK_FALSE(address->isUnix());
}

TEST_CASE("an IPv6 address stands in brackets") {
    const auto address = ListenAddress::parse("[2001:db8::1]:443");
    REQUIRE(address);
    CHECK(address->address.ss_family == AF_INET6);
    CHECK(address->length == sizeof(sockaddr_in6));
    CHECK(ntohs(reinterpret_cast<const sockaddr_in6&>(address->address).sin6_port) == 443);
    CHECK(hostText(address->address) == "2001:db8::1");
    CHECK(ListenAddress::parse("[::]:1"));
    CHECK(ListenAddress::parse("[::1]:0"));
}

TEST_CASE("every port that there is may be named, 0 for any") {
    CHECK(ListenAddress::parse("0.0.0.0:0"));
    CHECK(ListenAddress::parse("0.0.0.0:65535"));
    CHECK_FALSE(ListenAddress::parse("0.0.0.0:65536"));
}

TEST_CASE("a UNIX socket has an absolute path") {
    const auto address = ListenAddress::parse("unix:/run/rollo/agent.sock");
    REQUIRE(address);
    CHECK(address->isUnix());
    CHECK(address->path() == "/run/rollo/agent.sock");
    CHECK(hostText(address->address) == "unix");
    CHECK_FALSE(ListenAddress::parse("unix:"));
    CHECK_FALSE(ListenAddress::parse("unix:agent.sock"));
    CHECK_FALSE(ListenAddress::parse("unix:@agent"));
    CHECK_FALSE(ListenAddress::parse(std::string_view("unix:\0agent", 11)));
}

TEST_CASE("a UNIX socket's path fits its address, with the NUL behind it") {
    const std::size_t room = sizeof(sockaddr_un::sun_path);
    const auto pathOf = [](std::size_t size) { return "unix:/" + std::string(size - 1, 'p'); };
    const auto longest = ListenAddress::parse(pathOf(room - 1));
    REQUIRE(longest);
    CHECK(longest->path().size() == room - 1);
    CHECK_FALSE(ListenAddress::parse(pathOf(room)));
    CHECK_FALSE(ListenAddress::parse(pathOf(5000)));
}

TEST_CASE("nothing else is an address") {
    for (const std::string_view text : {"",
                                        ":",
                                        ":8780",
                                        "8780",
                                        "127.0.0.1",
                                        "127.0.0.1:",
                                        "127.0.0.1:x",
                                        "127.0.0.1:-1",
                                        "127.0.0.1:+1",
                                        "127.0.0.1: 80",
                                        "127.0.0.1:80 ",
                                        "127.0.0.1:99999",
                                        "127.0.0.1:80:80",
                                        "127.1:80",
                                        "256.0.0.1:80",
                                        "localhost:80",
                                        "*:80",
                                        "::1:80",
                                        "[::1]",
                                        "[::1]:",
                                        "[]:80",
                                        "[127.0.0.1]:80",
                                        "[::1:80",
                                        "::1]:80",
                                        "[::1%lo]:80",
                                        "[[::1]]:80",
                                        "[::g]:80",
                                        "tcp://127.0.0.1:80",
                                        "UNIX:/run/x"}) {
        CAPTURE(text);
        CHECK_FALSE(ListenAddress::parse(text));
    }
}

TEST_CASE("what has a NUL in it is no address") {
    CHECK_FALSE(ListenAddress::parse(std::string_view("127.0.0.1\0x:80", 14)));
    CHECK_FALSE(ListenAddress::parse(std::string_view("[::1\0]:80", 9)));
    CHECK_FALSE(ListenAddress::parse(std::string_view("unix:/run/a\0b", 13)));
}

TEST_CASE("IPv4 in IPv6 is shown as IPv4") {
    const auto mapped = ListenAddress::parse("[::ffff:192.0.2.1]:80");
    REQUIRE(mapped);
    CHECK(hostText(mapped->address) == "192.0.2.1");
}
