// SPDX-License-Identifier: Apache-2.0
#include "agent/server/forwarding.hpp"

#include <doctest/doctest.h>

using namespace rollo::server;

namespace {

const TrustedProxies proxies({"10.0.0.0/8", "2001:db8:1::/48"});

Request through(const std::string& proxy, std::optional<std::string> forwardedFor,
                std::optional<std::string> proto = {}) {
    Request request;
    request.peer = {.text = proxy, .address = parseAddress(proxy), .proxy = true};
    request.forwardedFor = std::move(forwardedFor);
    request.forwardedProto = std::move(proto);
    return request;
}

/// The client's address, or `refused`.
std::string client(std::string forwardedFor) {
    const auto speaker = speakerOf(through("10.0.0.1", std::move(forwardedFor)), proxies);
    if (!speaker) {
        CHECK(speaker.error().status == 400);
        return "refused";
    }
    CHECK(speaker->address == parseAddress(speaker->text));
    CHECK(speaker->proxy);
    return speaker->text;
}

bool encrypted(std::string proto) {
    return speakerOf(through("10.0.0.1", {}, std::move(proto)), proxies).value().tls;
}

}  // namespace

TEST_CASE("a proxy says whom it speaks for") {
    CHECK(client("192.0.2.7") == "192.0.2.7");
    CHECK(client("  192.0.2.7\t") == "192.0.2.7");
    CHECK(client("2001:DB8::7") == "2001:db8::7");
    CHECK(client("::ffff:192.0.2.7") == "192.0.2.7");
    CHECK(client("192.0.2.7:5678") == "192.0.2.7");
    CHECK(client("[2001:db8::7]:5678") == "2001:db8::7");
    CHECK(client("[2001:db8::7]") == "2001:db8::7");
}

TEST_CASE("the rightmost address that is no proxy counts, whatever stands before it") {
    CHECK(client("198.51.100.1, 192.0.2.7") == "192.0.2.7");
    CHECK(client("192.0.2.7, 10.9.9.9, 2001:db8:1::5") == "192.0.2.7");
    CHECK(client("127.0.0.1,192.0.2.7,10.9.9.9") == "192.0.2.7");
    CHECK(client("<script>, 192.0.2.7") == "192.0.2.7");
    CHECK(client(", 192.0.2.7") == "192.0.2.7");
    CHECK(client("10.0.0.3, 10.0.0.2") == "10.0.0.3");
}

TEST_CASE("what cannot be read is refused, and nobody is taken for the client") {
    for (const char* text : {"",
                             " ",
                             ",",
                             "192.0.2.7,",
                             "unknown",
                             "_hidden",
                             "kvm1.example.org",
                             "192.0.2",
                             "1",
                             "192.0.2.7 192.0.2.8",
                             "192.0.2.7;",
                             "192.0.2.256",
                             "192.0.2.7:99999",
                             "192.0.2.0/24",
                             "fe80::1%eth0",
                             "2001:db8::7:8:9:a:b:c:d",
                             "for=192.0.2.7",
                             "\"192.0.2.7\"",
                             "192.0.2.7, x",
                             "192.0.2.7, 10.0.0.300",
                             "x, 10.0.0.2"}) {
        CAPTURE(text);
        CHECK(client(text) == "refused");
    }
    CHECK(client(std::string("192.0.2.7\0x", 11)) == "refused");
}

TEST_CASE("a proxy that says nothing speaks for itself") {
    const auto speaker = speakerOf(through("10.0.0.1", {}), proxies).value();
    CHECK(speaker.text == "10.0.0.1");
    CHECK(speaker.address == parseAddress("10.0.0.1"));
}

TEST_CASE("a proxy says whether TLS was spoken") {
    CHECK(encrypted("https"));
    CHECK(encrypted("wss"));
    CHECK_FALSE(encrypted("http"));
    CHECK_FALSE(encrypted("ws"));
    for (const char* text : {"", "HTTPS", "https, http", "h2", " https"}) {
        CAPTURE(text);
        const auto speaker = speakerOf(through("10.0.0.1", {}, text), proxies);
        REQUIRE_FALSE(speaker);
        CHECK(speaker.error().status == 400);
    }
}

TEST_CASE("of anybody else the headers mean nothing") {
    for (const char* text : {"127.0.0.1", "nonsense"}) {
        auto request = through("10.0.0.1", text, "https");
        request.peer.proxy = false;
        const auto speaker = speakerOf(request, proxies).value();
        CHECK(speaker.text == "10.0.0.1");
        CHECK(speaker.address == parseAddress("10.0.0.1"));
        CHECK_FALSE(speaker.tls);
    }
}
