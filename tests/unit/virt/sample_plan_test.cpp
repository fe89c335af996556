// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/sample_plan.hpp"

#include <doctest/doctest.h>

using namespace rollo;
using namespace rollo::virt;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const common::Monotonic now{seconds(1000)};
constexpr seconds limit{10};
using Uuids = std::vector<proto::Uuid>;

proto::Uuid guest(unsigned char number) {
    proto::Uuid uuid;
    uuid.bytes[0] = number;
    return uuid;
}

Look look(unsigned char number, std::uint64_t cpuTime, int domainId = 1) {
    return {.uuid = guest(number), .domainId = domainId, .cpuTimeNs = cpuTime};
}

Look occupied(unsigned char number, std::uint64_t cpuTime, milliseconds time) {
    Look look = ::look(number, cpuTime);
    look.occupiedSince = now - time;
    return look;
}

}  // namespace

TEST_CASE("only guests whose CPU time advances are asked") {
    SamplePlan plan;
    CHECK(plan.choose({look(1, 100), look(2, 100)}, now, limit).silent ==
          Uuids{guest(1), guest(2)});
    auto choice = plan.choose({look(1, 110), look(2, 100)}, now, limit);
    CHECK(choice.ask == Uuids{guest(1)});
    CHECK(choice.silent == Uuids{guest(2)});
    CHECK(choice.unresponsive.empty());
    choice = plan.choose({look(1, 110), look(2, 101)}, now, limit);
    CHECK(choice.ask == Uuids{guest(2)});
    CHECK(choice.silent == Uuids{guest(1)});
}

TEST_CASE("CPU time of another process tells nothing") {
    SamplePlan plan;
    plan.choose({look(1, 100, 1)}, now, limit);
    CHECK(plan.choose({look(1, 200, 2)}, now, limit).silent == Uuids{guest(1)});
    CHECK(plan.choose({look(1, 300, 2)}, now, limit).ask == Uuids{guest(1)});
    plan.choose({}, now, limit);
    CHECK(plan.choose({look(1, 400, 2)}, now, limit).silent == Uuids{guest(1)});
}

TEST_CASE("a monitor that hangs makes its guest silent, then unresponsive, whatever its CPU does") {
    SamplePlan plan;
    plan.choose({look(1, 100)}, now, limit);
    CHECK(plan.choose({occupied(1, 110, milliseconds(20))}, now, limit).ask == Uuids{guest(1)});
    CHECK(plan.choose({occupied(1, 120, hungAfter)}, now, limit).silent == Uuids{guest(1)});
    CHECK(plan.choose({occupied(1, 130, limit)}, now, limit).unresponsive == Uuids{guest(1)});
}

TEST_CASE("a guest with an active job is never unresponsive") {
    SamplePlan plan;
    Look busy = occupied(1, 100, seconds(60));
    busy.job = true;
    CHECK(plan.choose({busy}, now, limit).silent == Uuids{guest(1)});
}
