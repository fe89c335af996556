// SPDX-License-Identifier: Apache-2.0
#include "agent/event_delay.hpp"

#include <doctest/doctest.h>

namespace rollo::agent {
namespace {

using std::chrono::microseconds;

TEST_CASE("each event is counted in the bucket of its delay, once") {
    const common::Monotonic now{std::chrono::hours(1)};
    EventDelay delay;
    delay.told(now - microseconds(250));
    delay.told(now - microseconds(251));
    delay.told(now - std::chrono::seconds(2));
    delay.sent(now);
    delay.sent(now + std::chrono::seconds(5));
    CHECK(delay.counts()[0] == 1);
    CHECK(delay.counts()[1] == 1);
    CHECK(delay.counts()[2] == 0);
    CHECK(delay.counts().back() == 1);
    CHECK(delay.sum().count() == doctest::Approx(2.000501));
}

}  // namespace
}  // namespace rollo::agent
