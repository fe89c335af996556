// SPDX-License-Identifier: Apache-2.0
/// PROTOCOL.md, "Order and resume".
#include <doctest/doctest.h>

#include "tests/unit/core/client_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::Seq;
using enum rollo::core::Lifecycle;

TEST_CASE("a resume brings what was missed, in order, then resumed, then what is live") {
    ClientBench bench;
    const Seq from = bench.host.hub.seq();
    bench.pause(1).pause(3).sample();
    bench.opened().subscribe(bench.resumeAt(from)).resume(1);
    const auto messages = bench.ear.take();
    Lines lines;
    for (const auto& m : messages) lines.push_back(line(m));
    CHECK(lines == Lines{"subscription_confirmed", "vm1 running>paused (io_error)",
                         "vm3 running>paused (io_error)", "resumed", "vm1 paused>running (user)"});
    CHECK(messages[1].integer("seq") == static_cast<std::int64_t>(from + 1));
    const auto& resumed = messages[3];
    CHECK(resumed.text("data.epoch") == bench.host.hub.epoch());
    CHECK(resumed.integer("data.from_seq") == static_cast<std::int64_t>(from));
    CHECK(resumed.integer("data.to_seq") == static_cast<std::int64_t>(from + 2));
    CHECK(resumed.integer("data.count") == 2);
}

TEST_CASE("a replay goes by the rules, and its count says how many there were") {
    ClientBench bench;
    const Seq from = bench.host.hub.seq();
    bench.pause(1).pause(3).resume(1);
    bench.opened().subscribe(fmt::format(R"({{"vm_ids":[3],"resume":{{"epoch":"{}","seq":{}}}}})",
                                         bench.host.hub.epoch(), from));
    const auto messages = bench.ear.take();
    REQUIRE(messages.size() == 3);
    CHECK(line(messages[1]) == "vm3 running>paused (io_error)");
    CHECK(messages[2].integer("data.count") == 1);
    CHECK(messages[2].integer("data.to_seq") == static_cast<std::int64_t>(from + 3));
}

TEST_CASE("nothing missed is a resume all the same") {
    ClientBench bench;
    bench.opened().subscribe(bench.resumeAt(bench.host.hub.seq()));
    const auto messages = bench.ear.take();
    REQUIRE(messages.size() == 2);
    CHECK(messages[1].integer("data.count") == 0);
}

TEST_CASE("a point of another epoch, or from the future, is a gap: the present state") {
    ClientBench bench;
    bench.opened().subscribe(R"({"resume":{"epoch":"another","seq":1}})");
    CHECK(bench.lines() == confirmedAnd("snapshot gap vm1 vm2 vm3"));
    bench.opened().subscribe(bench.resumeAt(bench.host.hub.seq() + 1));
    CHECK(bench.lines() == confirmedAnd("snapshot gap vm1 vm2 vm3"));
}

TEST_CASE("a point that has left the log is a gap") {
    ClientBench bench;
    const Seq from = bench.host.hub.seq();
    for (int i = 0; i < 2049; ++i) bench.pause(1).resume(1);
    bench.opened().subscribe(bench.resumeAt(from));
    CHECK(bench.lines() == confirmedAnd("snapshot gap vm1 vm2 vm3"));
    bench.opened().subscribe(bench.resumeAt(bench.host.hub.seq() - 4096));
    CHECK(bench.ear.takeSent().size() == 1 + 4096 + 1);
}

TEST_CASE("a resume in the query waits for the first subscribe, and nothing comes before it") {
    ClientBench bench;
    bench.opening.resume = {bench.host.hub.epoch(), bench.host.hub.seq()};
    bench.open().pause(1).tick(4999ms);
    bench.host.on(4, defined, "added").described(claiming(stoppedVm(4), 1));
    CHECK(bench.lines() == Lines{"connection_status"});
    bench.subscribe(R"({"vm_ids":[1]})");
    CHECK(bench.lines() == Lines{"subscription_confirmed", "vm1 running>paused (io_error)",
                                 "alert vm_id_conflict firing", "resumed"});
    bench.tick(6s).resume(1);
    CHECK(bench.lines() == Lines{"vm1 paused>running (user)"});
}

TEST_CASE("a resume in the query goes on with the endpoint's rules after five seconds") {
    ClientBench bench;
    bench.opening.resume = {bench.host.hub.epoch(), bench.host.hub.seq()};
    bench.open().pause(1);
    bench.host.on(4, defined, "added").described(claiming(stoppedVm(4), 1));
    bench.lines();
    bench.tick(5s);
    CHECK(bench.lines() ==
          Lines{"subscription_confirmed", "alert vm_id_conflict firing", "resumed"});
    bench.tick(10s);
    CHECK(bench.lines().empty());
}

TEST_CASE("an unsubscribe while a resume waits does not start it") {
    ClientBench bench;
    bench.opening.resume = {bench.host.hub.epoch(), bench.host.hub.seq()};
    bench.opened().pause(1).unsubscribe(R"({"events":["alert"]})");
    CHECK(bench.lines() == Lines{"subscription_confirmed"});
    bench.pause(3).subscribe(R"({"vm_ids":[3]})");
    CHECK(bench.lines() ==
          Lines{"subscription_confirmed", "vm3 running>paused (io_error)", "resumed"});
}

TEST_CASE("a resume in the query needs no subscribe where the path or the query has the rules") {
    ClientBench byPath, byQuery;
    for (auto* bench : {&byPath, &byQuery}) {
        bench->opening.resume = {bench->host.hub.epoch(), bench->host.hub.seq()};
        bench->pause(1).pause(3);
    }
    byPath.open(VmEndpoint{"1"});
    byQuery.opening.subscribe = rollo::proto::Subscribe{{{}, Ids{1}, {}}, {}, true, {}};
    byQuery.open();
    for (auto* bench : {&byPath, &byQuery})
        CHECK(bench->lines() == Lines{"connection_status", "subscription_confirmed",
                                      "vm1 running>paused (io_error)", "resumed"});
}

TEST_CASE("a resume after a number has been sent is too late, and subscribes to nothing") {
    const auto tooLate = [](ClientBench& bench) {
        bench.subscribe(bench.resumeAt(0));
        const auto m = bench.only();
        CHECK(m.text("data.code") == "resume_too_late");
        CHECK(m.text("data.request_type") == "subscribe");
    };
    ClientBench afterEvent, afterSnapshot, afterResume;
    afterEvent.opened().subscribe(R"({"vm_ids":[1],"snapshot":false})").pause(1).lines();
    tooLate(afterEvent);
    afterEvent.pause(3);
    CHECK(afterEvent.lines().empty());
    afterSnapshot.opened(VmEndpoint{"1"});
    tooLate(afterSnapshot);
    afterResume.opened().subscribe(afterResume.resumeAt(afterResume.host.hub.seq())).lines();
    tooLate(afterResume);
}

TEST_CASE("metrics before a resume do not make it too late") {
    ClientBench bench;
    const Seq from = bench.host.hub.seq();
    bench.opened().subscribe(R"({"events":["vm_metrics_update"],"snapshot":false})").sample();
    bench.lines();
    bench.subscribe(bench.resumeAt(from));
    CHECK(bench.lines() == confirmedAnd("resumed"));
}

TEST_CASE("after a gap, what is subscribed later brings only what is new") {
    ClientBench bench;
    bench.opened().subscribe(R"({"vm_ids":[1],"resume":{"epoch":"another","seq":1}})").lines();
    bench.subscribe(R"({"vm_ids":[1,2]})");
    CHECK(bench.lines() == confirmedAnd("snapshot subscribed vm2"));
}
