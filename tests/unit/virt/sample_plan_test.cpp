// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/sample_plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace rollo;
using namespace rollo::virt;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const SamplePlan::Limits limits;
const SamplePlan::Now start{seconds(1000)};

proto::Uuid guest(unsigned char number) {
    proto::Uuid uuid;
    uuid.bytes[0] = number;
    return uuid;
}

Look look(unsigned char number, std::uint64_t cpuTime) {
    return {.uuid = guest(number), .domainId = number, .cpuTimeNs = cpuTime};
}

Look occupied(unsigned char number, std::uint64_t cpuTime, milliseconds time) {
    Look look = ::look(number, cpuTime);
    look.occupied = time;
    return look;
}

bool has(const std::vector<proto::Uuid>& list, unsigned char number) {
    return std::ranges::find(list, guest(number)) != list.end();
}

}  // namespace

TEST_CASE("only guests whose CPU time advances are asked") {
    SamplePlan plan;
    plan.baseline({look(1, 100), look(2, 100)});
    const auto choice = plan.choose({look(1, 110), look(2, 100)}, start, limits);
    CHECK(choice.ask == std::vector{guest(1)});
    CHECK(choice.silent == std::vector{guest(2)});
    CHECK(choice.unresponsive.empty());
    CHECK(plan.suspects() == 1);
}

TEST_CASE("a suspect comes back by itself when its CPU time advances") {
    SamplePlan plan;
    plan.baseline({look(1, 100), look(2, 100)});
    plan.choose({look(1, 110), look(2, 100)}, start, limits);
    const auto choice = plan.choose({look(1, 120), look(2, 101)}, start + seconds(5), limits);
    CHECK(has(choice.ask, 2));
    CHECK(plan.suspects() == 0);
}

TEST_CASE("CPU time that moves in steps may stand still for a moment") {
    SamplePlan plan;
    plan.baseline({look(1, 100)});
    plan.choose({look(1, 110)}, start, limits);
    CHECK(has(plan.choose({look(1, 110)}, start + seconds(2), limits).ask, 1));
    CHECK(has(plan.choose({look(1, 110)}, start + seconds(4), limits).silent, 1));
}

TEST_CASE("without anything to compare with, nobody is asked at first") {
    SamplePlan plan;
    CHECK(plan.choose({look(1, 100)}, start, limits).ask.empty());
    CHECK(has(plan.choose({look(1, 110)}, start + seconds(5), limits).ask, 1));
}

TEST_CASE("a guest that was started meanwhile is asked") {
    SamplePlan plan;
    plan.baseline({look(1, 100), look(2, 900)});
    Look restarted = look(2, 5);
    restarted.domainId = 77;
    const auto choice = plan.choose({look(1, 110), restarted, look(3, 10)}, start, limits);
    CHECK(has(choice.ask, 2));
    CHECK(has(choice.ask, 3));
}

TEST_CASE("a monitor that stays occupied makes its guest silent, then unresponsive") {
    SamplePlan plan;
    plan.baseline({look(1, 100)});
    auto choice = plan.choose({occupied(1, 110, seconds(3))}, start, limits);
    CHECK(has(choice.silent, 1));
    CHECK(choice.unresponsive.empty());
    choice = plan.choose({occupied(1, 110, seconds(10))}, start + seconds(7), limits);
    CHECK(choice.silent.empty());
    CHECK(has(choice.unresponsive, 1));
}

TEST_CASE("a monitor that is occupied for a moment is no reason") {
    SamplePlan plan;
    plan.baseline({look(1, 100)});
    CHECK(has(plan.choose({occupied(1, 110, milliseconds(20))}, start, limits).ask, 1));
}

TEST_CASE("a guest with an active job is never unresponsive") {
    SamplePlan plan;
    plan.baseline({look(1, 100)});
    Look busy = occupied(1, 100, seconds(60));
    busy.job = true;
    CHECK(plan.choose({busy}, start, limits).unresponsive.empty());
}

TEST_CASE("a guest that was stuck must answer alone before it is asked with the others") {
    SamplePlan plan;
    plan.baseline({look(1, 100)});
    plan.choose({occupied(1, 100, seconds(10))}, start, limits);
    CHECK_FALSE(plan.nextProbe(start, limits));

    CHECK(has(plan.choose({look(1, 200)}, start + seconds(5), limits).silent, 1));
    REQUIRE(plan.nextProbe(start + seconds(5), limits) == guest(1));
    plan.probing(guest(1), start + seconds(5), limits);
    plan.answered(guest(1), start + seconds(5), limits);
    CHECK(plan.suspects() == 0);
    CHECK(has(plan.choose({look(1, 300)}, start + seconds(10), limits).ask, 1));
}

TEST_CASE("probes that are not answered come ever more rarely, until a call comes back") {
    SamplePlan plan;
    plan.baseline({look(1, 100)});
    plan.choose({look(1, 100)}, start, limits);
    auto now = start;
    for (const int wait : {2, 4, 8, 16, 30, 30}) {
        REQUIRE(plan.nextProbe(now, limits) == guest(1));
        plan.probing(guest(1), now, limits);
        CHECK_FALSE(plan.nextProbe(now + seconds(wait) - milliseconds(1), limits));
        now += seconds(wait);
    }
    plan.probing(guest(1), now, limits);
    CHECK_FALSE(plan.nextProbe(now, limits));
    plan.tryAgain();
    CHECK(plan.nextProbe(now, limits) == guest(1));
}

TEST_CASE("the suspect that has waited longest is probed first") {
    SamplePlan plan;
    plan.baseline({look(1, 100), look(2, 100)});
    plan.choose({look(1, 100), look(2, 100)}, start, limits);
    const auto first = plan.nextProbe(start, limits);
    REQUIRE(first);
    plan.probing(*first, start, limits);
    const auto second = plan.nextProbe(start + seconds(60), limits);
    REQUIRE(second);
    CHECK(*first != *second);
}

TEST_CASE("an idle guest that answered is trusted, and asked again before that wears off") {
    SamplePlan plan;
    plan.baseline({look(1, 100)});
    plan.choose({look(1, 100)}, start, limits);
    plan.answered(guest(1), start, limits);
    CHECK(has(plan.choose({look(1, 100)}, start + seconds(30), limits).ask, 1));
    CHECK_FALSE(plan.nextProbe(start + seconds(40), limits));
    CHECK(plan.nextProbe(start + seconds(50), limits) == guest(1));
    CHECK(has(plan.choose({look(1, 100)}, start + seconds(61), limits).silent, 1));
}

TEST_CASE("guests that are gone are forgotten") {
    SamplePlan plan;
    plan.baseline({look(1, 100), look(2, 100)});
    plan.choose({look(1, 100), look(2, 100)}, start, limits);
    CHECK(plan.suspects() == 2);
    plan.choose({}, start + seconds(5), limits);
    CHECK(plan.suspects() == 0);
}
