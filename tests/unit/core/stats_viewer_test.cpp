// SPDX-License-Identifier: Apache-2.0
#include "agent/core/stats_viewer.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "proto/codec.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/fake_subscriber.hpp"

using namespace rollo;
using namespace rollo::tests;
using namespace std::chrono_literals;

namespace {

core::Principal holding(std::initializer_list<core::Permission> permissions) {
    core::Principal principal;
    principal.user = "ann";
    for (const auto each : permissions) principal.permissions.add(each);
    return principal;
}

core::Principal admin() {
    return holding({core::Permission::statsView});
}

struct Bench {
    core::Hub hub{"0123456789abcdef"};
    core::Conversation::Terms terms;
    core::HostState state;
    proto::Traffic sent;
    int taken = 0;
    core::StatsFeed feed{sent};
    FakeSubscriber ear;
    std::optional<core::StatsViewer> viewer;

    Bench() {
        state.server.hostname = "host";
        state.server.agentVersion = "0.1.0";
        feed.onTake([this](const common::Now&) {
            ++taken;
            proto::WebsocketStats stats;
            stats.sent = sent;
            return stats;
        });
    }
    Bench& open(const core::Principal& principal = admin()) {
        viewer.emplace(core::StatsViewer::Opening{"c1"}, principal, terms, hub, state, feed, ear);
        if (!viewer->refusal()) viewer->open(at());
        return *this;
    }
    void say(std::string_view text) {
        const auto message = proto::decode(text);
        REQUIRE(message.has_value());
        viewer->handle(*message, at());
    }
    /// As the server does, once a second up to that moment.
    void passTo(std::chrono::seconds end) {
        for (; clock <= end; clock += 1s) feed.tick(at(clock));
    }
    std::chrono::milliseconds clock{0};
};

std::vector<std::string> types(FakeSubscriber& ear) {
    std::vector<std::string> all;
    for (const auto& message : ear.take()) all.push_back(message.type());
    return all;
}

}  // namespace

TEST_CASE("who may see the agent's figures is told them at once, and then every five seconds") {
    Bench bench;
    bench.passTo(2s);
    bench.open();
    const auto sent = bench.ear.takeSent();
    REQUIRE(sent.size() == 2);
    CHECK(Message(sent[0].frame).type() == "connection_status");
    CHECK(Message(sent[1].frame).type() == "websocket_stats");
    CHECK(sent[1].way == FakeSubscriber::Way::latest);
    bench.passTo(4s);
    CHECK(types(bench.ear).empty());
    bench.passTo(5s);
    CHECK(types(bench.ear) == std::vector<std::string>{"websocket_stats"});
    bench.passTo(21s);
    CHECK(types(bench.ear).size() == 3);
}

TEST_CASE("a look that comes a hair early is not one that is missed") {
    Bench bench;
    bench.open().feed.tick(at(0ms));
    bench.ear.takeSent();
    bench.feed.tick(at(4001ms));
    CHECK(types(bench.ear).empty());
    bench.feed.tick(at(4999ms));
    CHECK(types(bench.ear).size() == 1);
}

TEST_CASE("the figures are taken and encoded once for all who watch, and not for nobody") {
    Bench bench;
    bench.passTo(10s);
    CHECK(bench.taken == 0);
    FakeSubscriber other;
    bench.open();
    core::StatsViewer second({"c2"}, admin(), bench.terms, bench.hub, bench.state, bench.feed,
                             other);
    second.open(at());
    CHECK(bench.taken == 2);
    bench.ear.takeSent();
    other.takeSent();
    bench.passTo(15s);
    CHECK(bench.taken == 3);
    const auto one = bench.ear.takeSent();
    const auto two = other.takeSent();
    REQUIRE(one.size() == 1);
    REQUIRE(two.size() == 1);
    CHECK(one[0].frame == two[0].frame);
    CHECK(one[0].key == two[0].key);
}

TEST_CASE("who has gone is told nothing") {
    Bench bench;
    bench.open();
    bench.viewer.reset();
    bench.ear.takeSent();
    bench.passTo(10s);
    CHECK(types(bench.ear).empty());
}

TEST_CASE("a rate is the mean of the last interval") {
    Bench bench;
    const auto rates = [&] {
        const auto last = bench.ear.take().back();
        return std::pair(last.number("data.messages_per_second"),
                         last.number("data.bytes_per_second"));
    };
    bench.sent = {1000, 100000};  // before anybody looked
    bench.open();
    CHECK(rates() == std::pair(0.0, 0.0));
    bench.passTo(0s);
    CHECK(rates() == std::pair(0.0, 0.0));
    bench.sent = {1010, 101000};
    bench.passTo(5s);
    CHECK(rates() == std::pair(2.0, 200.0));
    bench.sent = {2000, 200000};
    bench.open();  // in between, the last whole interval counts
    CHECK(rates() == std::pair(2.0, 200.0));
    bench.sent = {1010, 101000};
    bench.passTo(10s);
    CHECK(rates() == std::pair(0.0, 0.0));
}

TEST_CASE("without the permission nobody is here, and who is bound to some VMs never") {
    Bench bench;
    const auto refusal = [&](const core::Principal& principal) {
        bench.open(principal);
        CHECK(bench.ear.takeSent().empty());
        return bench.viewer->refusal();
    };
    using core::Permission;
    const auto all =
        holding({Permission::vmView, Permission::serverView, Permission::consoleForce});
    core::Principal scoped = admin();
    scoped.vms = {std::string("web")};
    for (const auto& principal : {core::Principal::anonymous(), all, scoped}) {
        const auto refused = refusal(principal);
        REQUIRE(refused.has_value());
        CHECK(refused->code == proto::CloseCode::forbidden);
    }
    bench.passTo(10s);
    CHECK(bench.ear.takeSent().empty());
}

TEST_CASE("a ping is answered, and everything else is not possible here") {
    Bench bench;
    bench.open().ear.takeSent();
    bench.say(R"({"type":"ping"})");
    CHECK(types(bench.ear) == std::vector<std::string>{"pong"});
    for (const auto* text :
         {R"({"type":"subscribe","data":{}})", R"({"type":"unsubscribe","data":{}})",
          R"({"type":"console_input","data":"ls"})", R"({"type":"console_break"})"}) {
        bench.say(text);
        const auto answers = bench.ear.take();
        REQUIRE(answers.size() == 1);
        CHECK(answers[0].text("data.code") == "unsupported");
        CHECK(answers[0].text("data.request_type") ==
              std::string(proto::wireName(*proto::decode(text))));
    }
    CHECK_FALSE(bench.viewer->handleBytes("x", at()));
}

TEST_CASE("a fresh token renews it, and one with fewer rights ends it") {
    Bench bench;
    bench.open().ear.takeSent();
    bench.viewer->renew(admin(), at());
    CHECK(types(bench.ear) == std::vector<std::string>{"connection_status"});
    CHECK(bench.ear.farewells().empty());
    bench.viewer->renew(holding({core::Permission::vmView}), at());
    CHECK(bench.ear.farewells() == std::vector<std::string>{"permission_denied"});
}
