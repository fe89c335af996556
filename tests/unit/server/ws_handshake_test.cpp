// SPDX-License-Identifier: Apache-2.0
#include "agent/server/ws_handshake.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace rollo::server;

namespace {

Request handshake() {
    Request request;
    request.method = "GET";
    request.webSocketVersion = "13";
    request.webSocketKey = "dGhlIHNhbXBsZSBub25jZQ==";
    return request;
}

template <class Change>
int statusAfter(Change change) {
    Request request = handshake();
    change(request);
    const auto refusal = refuseHandshake(request);
    return refusal ? refusal->status : 101;
}

}  // namespace

TEST_CASE("a WebSocket is opened by GET, HTTP/1.1, version 13 and a key") {
    CHECK(statusAfter([](Request&) {}) == 101);
    for (const auto* method : {"POST", "HEAD", "OPTIONS", ""})
        CHECK(statusAfter([&](Request& request) { request.method = method; }) == 400);
    CHECK(statusAfter([](Request& request) { request.http11 = false; }) == 400);
}

TEST_CASE("of a version that is not known the one that is, is told") {
    CHECK(statusAfter([](Request& request) { request.webSocketVersion.reset(); }) == 426);
    for (const auto* version : {"", "8", "0", "14", "013", "13, 8", "13 ", "x"})
        CHECK(statusAfter([&](Request& request) { request.webSocketVersion = version; }) == 426);
}

TEST_CASE("a key is 16 bytes in base64") {
    CHECK(statusAfter([](Request& request) { request.webSocketKey.reset(); }) == 400);
    for (const auto* key : {"", "abc", "==", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=x",
                            "dGhlIHNhbXBsZSBub25jZ-==", "dGhlIHNhbXBsZSBub25jZ,==",
                            "dGhlIHNhbXBsZSBub25jZQ== ", "dGhlIHNhbXBsZSBub25jZQAAAA=="})
        CHECK(statusAfter([&](Request& request) { request.webSocketKey = key; }) == 400);
    CHECK(statusAfter(
              [](Request& request) { request.webSocketKey = "/+09azAZaz/+09azAZaz/+=="; }) == 101);
}
