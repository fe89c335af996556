// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "agent/core/hub.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/fake_subscriber.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace rollo::proto;
using namespace std::chrono_literals;

namespace {

/// A hub whose snapshots say how many were taken before them.
struct Bench {
    Hub hub{"0123456789abcdef"};
    FakeSubscriber subscriber;
    int taken = 0;

    std::string ask(const Hub::Member& member, std::chrono::milliseconds when = 0ms,
                    SnapshotReason reason = SnapshotReason::subscribed, bool history = false) {
        const auto frames = hub.snapshotFor(member, reason, history, at(when), [this] {
            return std::vector{Frame::text(std::to_string(taken++))};
        });
        return std::string(frames.at(0).payload());
    }
    void join(Hub::Member& member, std::optional<std::vector<VmId>> ids = {}) {
        Rule rule;
        rule.vmIds = std::move(ids);
        Subscription subscription;
        subscription.add(rule);
        hub.join(member, subscription, Principal::anonymous());
    }
};

}  // namespace

TEST_CASE("a snapshot is taken once for all of a room who ask while nothing changes") {
    Bench bench;
    Hub::Member first{bench.subscriber}, second{bench.subscriber};
    bench.join(first);
    bench.join(second);
    CHECK(bench.ask(first) == "0");
    CHECK(bench.ask(second) == "0");
    CHECK(bench.ask(second, 249ms) == "0");
    SUBCASE("not after an event") {
        bench.hub.publish(VmDeleted{vm(1), "undefined"}, at());
        CHECK(bench.ask(second) == "1");
    }
    SUBCASE("not after a sample") {
        bench.hub.publish(VmMetricsUpdate{vm(1), {}}, at());
        CHECK(bench.ask(second) == "1");
    }
    SUBCASE("not after a change without an event") {
        bench.hub.forgetSnapshots();
        CHECK(bench.ask(second) == "1");
    }
    SUBCASE("not when its ages are wrong by then") {
        CHECK(bench.ask(second, 250ms) == "1");
        CHECK(bench.ask(first, 250ms) == "1");
    }
    SUBCASE("not for another reason") {
        CHECK(bench.ask(second, 0ms, SnapshotReason::gap) == "1");
    }
    SUBCASE("not with a history for one without, and both are kept") {
        CHECK(bench.ask(second, 0ms, SnapshotReason::subscribed, true) == "1");
        CHECK(bench.ask(first, 0ms, SnapshotReason::subscribed, true) == "1");
        CHECK(bench.ask(first) == "0");
    }
    bench.hub.leave(first);
    bench.hub.leave(second);
}

TEST_CASE("another room has a snapshot of its own, also one that comes where an old one was") {
    Bench bench;
    Hub::Member first{bench.subscriber}, second{bench.subscriber};
    bench.join(first);
    bench.join(second, {{1}});
    CHECK(bench.ask(first) == "0");
    CHECK(bench.ask(second) == "1");
    bench.hub.leave(first);
    bench.join(first, {{2}});
    CHECK(bench.ask(first) == "2");
    bench.hub.leave(first);
    bench.hub.leave(second);
}
