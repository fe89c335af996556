// SPDX-License-Identifier: Apache-2.0
#include "agent/server/gate.hpp"

#include <doctest/doctest.h>

using namespace rollo::server;

namespace {

Request request(std::optional<std::string> host, Peer peer) {
    Request request;
    request.host = std::move(host);
    request.peer = std::move(peer);
    return request;
}

int status(const Request& request) {
    const auto passed = passGate(request, Settings{});
    return passed ? 200 : passed.error().refusal.status;
}

const Peer far{.text = "192.0.2.7", .address = parseAddress("192.0.2.7")};
const Peer bySocket{.text = "unix", .address = {}};
const Peer proxyBySocket{.text = "unix", .address = {}, .proxy = true};

}  // namespace

TEST_CASE("who is on this host may call it as it likes, a proxy may not") {
    CHECK(status(request("evil.example", bySocket)) == 200);
    CHECK(status(request("evil.example", far)) == 403);
    CHECK(status(request("evil.example", proxyBySocket)) == 403);
    for (const Peer& peer : {far, bySocket, proxyBySocket})
        CHECK(status(request("192.0.2.1", peer)) == 200);
}

TEST_CASE("by TLS that a proxy has ended, a page without TLS is of another origin") {
    auto page = request("192.0.2.1", proxyBySocket);
    for (const bool tls : {false, true}) {
        page.peer.tls = tls;
        page.origin = "https://192.0.2.1";
        CHECK(passGate(page, Settings{}).value() == AllowedOrigins::Kind::same);
        page.origin = "http://192.0.2.1";
        CHECK(status(page) == (tls ? 403 : 200));
    }
}

TEST_CASE("who is turned away reads why and when to come again") {
    CHECK(turnAwayReply(Refused::connections).status == 503);
    CHECK(turnAwayReply(Refused::connectionsPerAddress).status == 429);
    CHECK(turnAwayReply(Refused::connectionRate).headers == "retry-after: 1\r\n");
}
