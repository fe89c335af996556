// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/job_schedule.hpp"

#include <doctest/doctest.h>

using namespace rollo;
using namespace rollo::virt;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

proto::Uuid guest(unsigned char number) {
    proto::Uuid uuid;
    uuid.bytes[0] = number;
    return uuid;
}

core::JobSeen job(unsigned char number, const std::string& disk = "") {
    return {{{guest(number), "guest", number}, disk}, {}};
}

using Uuids = std::vector<proto::Uuid>;

/// A schedule of 3 s and 1 s and a clock that the test moves; looks take no time.
struct Bench {
    common::Monotonic now{seconds(1000)};
    JobSchedule schedule{seconds(3), seconds(1)};

    Bench() { schedule.reset(now); }
    void pass(milliseconds time) { now += time; }
    std::optional<JobQuestion> take() { return schedule.take(now); }
    std::optional<core::JobsSeen> look(std::vector<core::JobSeen> jobs, Uuids silent = {},
                                       milliseconds took = milliseconds(0)) {
        const auto question = schedule.take(now);
        REQUIRE(question);
        return schedule.done(*question, {std::move(jobs), std::move(silent)}, took, now);
    }
};

}  // namespace

TEST_CASE("the first look is told even if there is nothing, the next ones only if there is news") {
    Bench bench;
    const auto first = bench.look({});
    REQUIRE(first);
    CHECK(first->jobs.empty());
    bench.pass(milliseconds(2999));
    CHECK_FALSE(bench.take());
    bench.pass(milliseconds(1));
    CHECK_FALSE(bench.look({}));
    bench.pass(seconds(3));
    const auto second = bench.look({job(1)});
    REQUIRE(second);
    CHECK(second->jobs.size() == 1);
}

TEST_CASE("those who have a job are asked every second, everybody no more often") {
    Bench bench;
    bench.look({job(1), job(1, "vda"), job(2)});
    bench.pass(milliseconds(999));
    CHECK_FALSE(bench.take());
    bench.pass(milliseconds(1));
    const auto question = bench.take();
    REQUIRE(question);
    CHECK_FALSE(question->everybody);
    CHECK(question->only == Uuids{guest(1), guest(2)});
    CHECK(question->changed.empty());
    CHECK(bench.schedule.done(*question, {{job(1), job(1, "vda"), job(2)}, {}}, {}, bench.now));
    bench.pass(seconds(2));
    CHECK(bench.take()->everybody);
}

TEST_CASE("a look at everybody takes no more than a twentieth of the time") {
    Bench bench;
    bench.look({}, {}, milliseconds(400));
    bench.pass(milliseconds(7999));
    CHECK_FALSE(bench.take());
    bench.pass(milliseconds(1));
    CHECK(bench.take()->everybody);
}

TEST_CASE("an event has its domain asked when a moment has passed") {
    Bench bench;
    bench.look({});
    bench.schedule.hint(guest(7), bench.now);
    CHECK_FALSE(bench.take());
    bench.pass(milliseconds(200));
    const auto question = bench.take();
    REQUIRE(question);
    CHECK_FALSE(question->everybody);
    CHECK(question->only == Uuids{guest(7)});
    CHECK(question->changed == Uuids{guest(7)});
    CHECK(bench.schedule.done(*question, {{job(7)}, {}}, {}, bench.now));
    CHECK_FALSE(bench.take());
}

TEST_CASE("an event that comes while its domain is asked has it asked again") {
    Bench bench;
    bench.look({});
    bench.schedule.hint(guest(7), bench.now);
    bench.pass(milliseconds(200));
    const auto question = bench.take();
    bench.schedule.hint(guest(7), bench.now);
    bench.schedule.done(*question, {}, {}, bench.now);
    bench.pass(milliseconds(200));
    CHECK(bench.take()->only == Uuids{guest(7)});
}

TEST_CASE("a job that is missed is told as over only when it is missed again") {
    Bench bench;
    bench.look({job(1), job(2)});
    bench.pass(seconds(1));
    CHECK_FALSE(bench.look({job(2)}));
    CHECK_FALSE(bench.take());
    bench.pass(milliseconds(200));
    const auto question = bench.take();
    REQUIRE(question);
    CHECK(question->changed == Uuids{guest(1)});
    const auto told = bench.schedule.done(*question, {{job(2)}, {}}, {}, bench.now);
    REQUIRE(told);
    CHECK(told->jobs.size() == 1);
    // Now the last one: the end of it is news, and then there is none.
    bench.pass(seconds(1));
    CHECK_FALSE(bench.look({}));
    bench.pass(milliseconds(200));
    CHECK(bench.look({}));
    bench.pass(seconds(3));
    CHECK_FALSE(bench.look({}));
}

TEST_CASE("a job of a guest that does not answer is not missed, and asked for again") {
    Bench bench;
    bench.look({job(1), job(2)});
    bench.pass(seconds(1));
    const auto told = bench.look({job(2)}, {guest(1)});
    REQUIRE(told);
    CHECK(told->silent == Uuids{guest(1)});
    bench.pass(seconds(1));
    CHECK(bench.take()->only == Uuids{guest(1), guest(2)});
}

TEST_CASE("a look that is lost is taken again at once, one that fails after a second") {
    Bench bench;
    REQUIRE(bench.take());
    bench.schedule.lost();
    REQUIRE(bench.take());
    bench.pass(milliseconds(999));
    CHECK_FALSE(bench.take());
    bench.pass(milliseconds(1));
    CHECK(bench.take()->everybody);
}

TEST_CASE("with another connection everything begins anew") {
    Bench bench;
    bench.look({job(1)});
    bench.schedule.hint(guest(2), bench.now);
    bench.schedule.reset(bench.now);
    const auto question = bench.take();
    REQUIRE(question);
    CHECK(question->everybody);
    CHECK(question->only.empty());
    CHECK(bench.schedule.done(*question, {}, {}, bench.now));
}
