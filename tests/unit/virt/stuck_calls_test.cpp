// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/stuck_calls.hpp"

#include <doctest/doctest.h>

using namespace rollo;
using namespace rollo::virt;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const common::Monotonic began{seconds(1000)};
const common::Monotonic now = began + seconds(1);

proto::Uuid guest(unsigned char number) {
    proto::Uuid uuid;
    uuid.bytes[0] = number;
    return uuid;
}

Look free(unsigned char number) {
    return {.uuid = guest(number), .domainId = number, .cpuTimeNs = 0};
}

Look occupied(unsigned char number, common::Monotonic since) {
    Look look = free(number);
    look.occupiedSince = since;
    return look;
}

}  // namespace

TEST_CASE("a monitor that is occupied since the round began holds it up") {
    const StuckCalls calls;
    CHECK(calls.heldUpBy({free(1), occupied(2, began)}, began, now) == guest(2));
    CHECK(calls.heldUpBy({occupied(2, now - hungAfter)}, began, now) == guest(2));
}

TEST_CASE("a monitor that is merely busy holds nothing up") {
    const StuckCalls calls;
    CHECK_FALSE(calls.heldUpBy({free(1), occupied(2, now - hungAfter / 2)}, began, now));
}

TEST_CASE("a monitor that somebody else has occupied before is skipped by the round") {
    const StuckCalls calls;
    CHECK_FALSE(calls.heldUpBy({occupied(2, began - milliseconds(100))}, began, now));
}

TEST_CASE("a job explains an occupied monitor") {
    const StuckCalls calls;
    Look busy = occupied(2, began);
    busy.job = true;
    CHECK_FALSE(calls.heldUpBy({busy}, began, now));
}

TEST_CASE("the next guest is found beside those that calls guard already") {
    StuckCalls calls;
    const Token first = makeToken();
    calls.add(first, guest(1), began - milliseconds(1));
    const Look guarded = occupied(1, began - seconds(1));
    CHECK_FALSE(calls.heldUpBy({guarded, free(2)}, began, now));
    CHECK(calls.heldUpBy({guarded, occupied(2, began)}, began, now) == guest(2));
}

TEST_CASE("no call is given up while an earlier one is under way again") {
    StuckCalls calls;
    Token first = makeToken();
    calls.add(first, guest(1), began - milliseconds(1));
    CHECK_FALSE(calls.heldUpBy({free(1), occupied(2, began)}, began, now));
    CHECK_FALSE(calls.heldUpBy({occupied(2, began)}, began, now));  // its guest is gone
    CHECK_FALSE(calls.heldUpBy({occupied(1, began), occupied(2, began)}, began, now));
    first.reset();
    calls.reap();
    CHECK(calls.size() == 0);
    CHECK(calls.heldUpBy({free(1), occupied(2, began)}, began, now) == guest(2));
}

TEST_CASE("a call of which nobody knows why it hangs guards nobody") {
    StuckCalls calls;
    const Token first = makeToken();
    calls.add(first, std::nullopt, began);
    CHECK(calls.heldUpBy({free(1), occupied(2, began)}, began, now) == guest(2));
    CHECK(calls.size() == 1);
}

TEST_CASE("a guest at which a call hangs is asked once more, after a while") {
    StuckCalls calls;
    const Token first = makeToken();
    Token second = makeToken();
    const Token elsewhere = makeToken();
    calls.add(first, guest(1), now);
    calls.add(elsewhere, std::nullopt, now);
    CHECK(calls.leftOut(now, seconds(3)) == std::vector{guest(1)});
    CHECK(calls.leftOut(now + seconds(3), seconds(3)).empty());
    calls.add(second, guest(1), now + seconds(3));
    CHECK_FALSE(calls.leftOut(now + seconds(60), seconds(3)).empty());
    second.reset();
    calls.reap();
    CHECK(calls.leftOut(now + seconds(60), seconds(3)).empty());
}
