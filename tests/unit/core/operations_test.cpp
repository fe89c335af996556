// SPDX-License-Identifier: Apache-2.0
#include "agent/core/operations.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include <limits>

#include "tests/fakes/examples.hpp"
#include "tests/fakes/fake_subscriber.hpp"
#include "tests/fakes/lines.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace rollo::proto;
using namespace std::chrono_literals;
using Lines = std::vector<std::string>;

namespace {

Progress progress(std::string id, double percent,
                  ProgressStatus status = ProgressStatus::inProgress) {
    Progress made;
    made.operationId = std::move(id);
    made.operationType = "vm_creation";
    made.percent = percent;
    made.status = status;
    made.message = "unpacking";
    return made;
}

struct Bench {
    HostState state;
    Hub hub{"0123456789abcdef"};
    FakeSubscriber ear;
    Hub::Member member{ear};
    Operations operations{state, hub};
    std::chrono::milliseconds clock{0};

    explicit Bench(const Principal& principal = Principal::anonymous()) {
        Subscription everything;
        everything.add({});
        hub.join(member, everything, principal);
    }
    ~Bench() { hub.leave(member); }

    std::expected<void, Operations::Refusal> report(Progress made) {
        return operations.report(std::move(made), at(clock));
    }
    Lines heard() { return ear.takeLines(); }
};

}  // namespace

TEST_CASE("the beginning and the end of an operation are ordered, what is between is not") {
    Bench bench;
    bench.report(progress("one", 0, ProgressStatus::pending));
    bench.report(progress("one", 50));
    bench.report(progress("one", 60, ProgressStatus::completed));
    const auto told = bench.ear.take();
    REQUIRE(told.size() == 3);
    CHECK(told[0].integer("seq") == 1);
    CHECK_FALSE(told[1].has("seq"));
    CHECK(told[2].integer("seq") == 2);
    CHECK(told[2].number("data.progress_percent") == 100);
    CHECK(bench.state.operations.empty());
}

TEST_CASE("the percentage never goes down, and 100 means success alone") {
    Bench bench;
    const double none = std::numeric_limits<double>::quiet_NaN();
    for (const double percent : {-3.0, 40.5, 12.0, none, 100.0, 4000.0, 70.0})
        bench.report(progress("one", percent));
    bench.report(progress("one", 100, ProgressStatus::failed));
    CHECK(bench.heard() == Lines{"progress one 0 in_progress", "progress one 40.5 in_progress",
                                 "progress one 40.5 in_progress", "progress one 40.5 in_progress",
                                 "progress one 99 in_progress", "progress one 99 in_progress",
                                 "progress one 99 in_progress", "progress one 99 failed"});
}

TEST_CASE("after its end the same id begins anew") {
    Bench bench;
    bench.report(progress("one", 80));
    bench.report(progress("one", 80, ProgressStatus::cancelled));
    bench.report(progress("one", 10));
    const auto told = bench.ear.take();
    REQUIRE(told.size() == 3);
    CHECK(told[1].number("data.progress_percent") == 80);
    CHECK(told[2].has("seq"));
    CHECK(told[2].number("data.progress_percent") == 10);
}

TEST_CASE("an end of which no beginning was told is told") {
    Bench bench;
    bench.report(progress("one", 100, ProgressStatus::completed));
    CHECK(bench.heard() == Lines{"progress one 100 completed"});
    CHECK(bench.operations.saved().empty());
}

TEST_CASE("an id of the agent's own is refused to others") {
    Bench bench;
    const auto refused = bench.report(progress("libvirt:0123456789abcdef:1", 5));
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Operations::Refusal::reservedId);
    CHECK(bench.heard().empty());
    CHECK(bench.report(progress("a libvirt:1", 5)));
}

TEST_CASE("so many published operations are under way at once, and not one more") {
    Bench bench;
    for (std::size_t i = 0; i < Operations::mostPublished; ++i)
        REQUIRE(bench.report(progress(fmt::format("op-{}", i), 5)));
    bench.heard();
    const auto refused = bench.report(progress("one-more", 5));
    REQUIRE_FALSE(refused);
    CHECK(refused.error() == Operations::Refusal::tooMany);
    CHECK(bench.heard().empty());
    CHECK(bench.report(progress("op-3", 6)));
    CHECK(bench.report(progress("one-more", 5, ProgressStatus::failed)));
    CHECK(bench.report(progress("op-3", 6, ProgressStatus::completed)));
    CHECK(bench.report(progress("one-more", 5)));
    bench.operations.tell(progress("libvirt:x:1", 5), at());
    CHECK(bench.state.operations.contains("libvirt:x:1"));
}

TEST_CASE("one of which nothing is heard for an hour has failed, and says so") {
    Bench bench;
    bench.report(progress("silent", 5));
    bench.report(progress("heard", 5));
    bench.operations.tell(progress("libvirt:x:1", 5), at());
    bench.clock = 30min;
    bench.report(progress("heard", 6));
    bench.heard();
    bench.operations.tick(at(60min - 1ms));
    CHECK(bench.heard().empty());
    bench.operations.tick(at(60min));
    const auto told = bench.ear.take();
    REQUIRE(told.size() == 1);
    CHECK(line(told[0]) == "progress silent 5 failed");
    CHECK(told[0].text("data.error") == "nothing was heard of it for 60 minutes");
    bench.operations.tick(at(90min));
    CHECK(bench.heard() == Lines{"progress heard 6 failed"});
    bench.operations.tick(at(200min));
    CHECK(bench.heard().empty());
}

TEST_CASE("the VM of an operation stays, once it was given, and goes by its present names") {
    Principal scoped = Principal::anonymous();
    scoped.vms = {std::string("new")};
    Bench all;
    Bench one(scoped);
    for (Bench* bench : {&all, &one}) {
        bench->report(progress("creation", 5));
        auto made = progress("creation", 10);
        made.vm = vm(1, "old");
        bench->report(made);
        bench->report(progress("creation", 20));
    }
    const auto told = all.ear.take();
    REQUIRE(told.size() == 3);
    CHECK_FALSE(told[0].has("data.vm_id"));
    CHECK(told[2].integer("data.vm_id") == 1);
    CHECK(one.heard().empty());
    for (Bench* bench : {&all, &one}) {
        bench->operations.follow(vm(2, "new"), at());
        bench->operations.follow(vm(1, "new"), at());
        bench->operations.follow(vm(1, "new"), at());
    }
    CHECK(all.heard() == Lines{"progress creation 20 in_progress"});
    CHECK(one.heard() == Lines{"progress creation 20 in_progress"});
    one.report(progress("creation", 30, ProgressStatus::completed));
    CHECK(one.heard() == Lines{"progress creation 100 completed"});
}

TEST_CASE("what was published goes on after a restart, where it was") {
    Bench before;
    auto made = progress("creation", 42.5);
    made.vm = vm(1, "old");
    before.report(made);
    before.report(progress("done", 5));
    before.report(progress("done", 5, ProgressStatus::completed));
    const auto saved = before.operations.saved();
    REQUIRE(saved.size() == 1);
    CHECK(saved[0].vm == uuid(1));

    Bench after;
    const auto present = vm(1, "new");
    after.operations.resume(saved[0], &present, at());
    const auto told = after.ear.take();
    REQUIRE(told.size() == 1);
    CHECK(line(told[0]) == "progress creation 42.5 in_progress");
    CHECK(told[0].text("data.message") == "unpacking");
    CHECK(told[0].has("seq"));
    CHECK(after.state.operations.at("creation").vm == present);
    after.report(progress("creation", 7));
    CHECK(after.heard() == Lines{"progress creation 42.5 in_progress"});
    after.operations.tick(at(61min));
    CHECK(after.heard() == Lines{"progress creation 42.5 failed"});
}

TEST_CASE("the state is to be saved at a beginning, at an end, and at each whole percent") {
    Bench bench;
    const auto saves = [&](const Progress& made) {
        bench.report(made);
        return bench.operations.takeUnsaved();
    };
    CHECK(saves(progress("one", 5)));
    CHECK_FALSE(bench.operations.takeUnsaved());
    CHECK_FALSE(saves(progress("one", 5.9)));
    CHECK(saves(progress("one", 6)));
    CHECK_FALSE(saves(progress("one", 3)));
    CHECK(saves(progress("one", 6, ProgressStatus::failed)));
}
