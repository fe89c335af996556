// SPDX-License-Identifier: Apache-2.0
#include "agent/server/line.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "common/unique_fd.hpp"

using namespace std::chrono_literals;
using namespace rollo::server;
using rollo::common::UniqueFd;

namespace {

using Pair = std::pair<UniqueFd, UniqueFd>;

Pair unixPair() {
    int fds[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Pair tcpPair() {
    const UniqueFd listener(socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(bind(listener.get(), generic, length) == 0);
    REQUIRE(listen(listener.get(), 1) == 0);
    REQUIRE(getsockname(listener.get(), generic, &length) == 0);
    UniqueFd client(socket(AF_INET, SOCK_STREAM, 0));
    REQUIRE(connect(client.get(), generic, length) == 0);
    return {UniqueFd(accept(listener.get(), nullptr, nullptr)), std::move(client)};
}

void waitFor(int fd, short events) {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    REQUIRE(poll(&entry, 1, 5000) == 1);
}

}  // namespace

TEST_CASE("the kernel counts what has come in by TCP") {
    const auto [ours, theirs] = tcpPair();
    CHECK(receivedBytes(ours.get()) == 0U);
    REQUIRE(write(theirs.get(), "12345", 5) == 5);
    waitFor(ours.get(), POLLIN);
    CHECK(receivedBytes(ours.get()) == 5U);
    CHECK_FALSE(receivedBytes(unixPair().first.get()));
}

TEST_CASE("a line on which nobody says anything is good, for however long") {
    for (const auto& [ours, theirs] : {unixPair(), tcpPair()})
        CHECK(lineOf(ours.get(), 0ms) == Line::good);
}

TEST_CASE("a line whose other end reads nothing is good") {
    for (const auto& [ours, theirs] : {unixPair(), tcpPair()}) {
        const std::string much(4 << 20, 'x');
        CHECK(send(ours.get(), much.data(), much.size(), MSG_DONTWAIT) > 0);
        CHECK(lineOf(ours.get(), 1h) == Line::good);
    }
}

TEST_CASE("a line is broken once nothing can be sent by it any more") {
    auto local = unixPair();
    local.second = UniqueFd();
    CHECK(lineOf(local.first.get(), 1h) == Line::broken);

    auto [ours, theirs] = tcpPair();
    REQUIRE(write(theirs.get(), "unread", 6) == 6);
    REQUIRE(shutdown(theirs.get(), SHUT_WR) == 0);
    waitFor(ours.get(), POLLIN);
    // What it sent before is still to be read, and it may still read what it gets.
    CHECK(lineOf(ours.get(), 1h) == Line::good);
    theirs = UniqueFd();
    REQUIRE(send(ours.get(), "ping", 4, MSG_NOSIGNAL) == 4);  // is answered by a reset
    waitFor(ours.get(), 0);
    CHECK(lineOf(ours.get(), 1h) == Line::broken);
}
