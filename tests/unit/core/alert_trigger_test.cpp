// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alert_trigger.hpp"

#include <doctest/doctest.h>

#include "tests/fakes/examples.hpp"

using namespace rollo::core;
using namespace std::chrono_literals;
using rollo::proto::Severity;
using enum rollo::proto::Severity;

namespace {

AlertRule ruleOf(std::vector<AlertLevel> levels, std::chrono::seconds lasts = 60s) {
    return {AlertSource::vmCpu, true, lasts, std::move(levels)};
}
AlertRule twoLevels() {
    return ruleOf({{warning, 90, 80}, {critical, 98, 95}});
}

/// A trigger that is told figures of given moments, and answers how it fires then.
struct Watch {
    AlertRule rule;
    AlertTrigger trigger;

    std::optional<Severity> see(std::chrono::seconds when, double figure) {
        trigger.see(figure, rule, rollo::tests::at(when).mono);
        return trigger.firing();
    }
    void seeNothing(std::chrono::seconds when) { trigger.seeNothing(rollo::tests::at(when).mono); }
    void setRule(AlertRule next) {
        trigger.adapt(rule, next);
        rule = std::move(next);
    }
};

constexpr auto nothing = std::nullopt;

}  // namespace

TEST_CASE("a figure fires once it has been large for as long as the rule says") {
    Watch watch{ruleOf({{warning, 90, 80}})};
    CHECK(watch.see(0s, 89.9) == nothing);
    CHECK_FALSE(watch.trigger.active());
    CHECK(watch.see(10s, 90) == nothing);
    CHECK(watch.trigger.active());
    CHECK(watch.see(69s, 95) == nothing);
    CHECK(watch.see(70s, 95) == warning);
}

TEST_CASE("a figure that is smaller in between begins anew") {
    Watch watch{ruleOf({{warning, 90, 80}})};
    watch.see(0s, 95);
    CHECK(watch.see(50s, 89) == nothing);
    CHECK_FALSE(watch.trigger.active());
    CHECK(watch.see(60s, 95) == nothing);
    CHECK(watch.see(119s, 95) == nothing);
    CHECK(watch.see(120s, 95) == warning);
}

TEST_CASE("between the two thresholds it goes on; below the smaller one it is over at once") {
    Watch watch{ruleOf({{warning, 90, 80}}, 0s)};
    CHECK(watch.see(0s, 90) == warning);
    CHECK(watch.see(5s, 80) == warning);
    CHECK(watch.see(10s, 79.9) == nothing);
    CHECK_FALSE(watch.trigger.active());
    CHECK(watch.see(15s, 89) == nothing);
}

TEST_CASE("each level counts for itself on the way up") {
    Watch watch{twoLevels()};
    watch.see(0s, 92);
    watch.see(40s, 99);
    CHECK(watch.see(60s, 99) == warning);
    CHECK(watch.see(99s, 99) == warning);
    CHECK(watch.see(100s, 99) == critical);
}

TEST_CASE("two levels that have lasted fire as the larger one") {
    Watch watch{twoLevels()};
    watch.see(0s, 99);
    CHECK(watch.see(60s, 99) == critical);
}

TEST_CASE("a larger level that does not last is not reached") {
    Watch watch{twoLevels()};
    watch.see(0s, 92);
    CHECK(watch.see(60s, 92) == warning);
    watch.see(70s, 99);
    watch.see(100s, 97.9);
    CHECK(watch.see(140s, 99) == warning);
}

TEST_CASE("on the way down the smaller level must last as well") {
    Watch watch{twoLevels()};
    watch.see(0s, 99);
    REQUIRE(watch.see(60s, 99) == critical);
    CHECK(watch.see(70s, 95) == critical);  // not below
    CHECK(watch.see(140s, 94) == critical);
    CHECK(watch.see(180s, 96) == critical);  // begins anew
    CHECK(watch.see(190s, 94) == critical);
    CHECK(watch.see(249s, 94) == critical);
    CHECK(watch.see(250s, 94) == warning);
    CHECK(watch.see(255s, 79) == nothing);
}

TEST_CASE("a figure that falls below all levels is over at once, whatever it fired as") {
    Watch watch{twoLevels()};
    watch.see(0s, 99);
    REQUIRE(watch.see(60s, 99) == critical);
    CHECK(watch.see(65s, 79) == nothing);
}

TEST_CASE("from the largest of three levels to the least at once, where that has lasted") {
    Watch watch{ruleOf({{warning, 70, 65}, {error, 80, 75}, {critical, 90, 85}})};
    watch.see(0s, 95);
    REQUIRE(watch.see(60s, 95) == critical);
    watch.see(70s, 72);
    CHECK(watch.see(130s, 72) == warning);
}

TEST_CASE("time in which the figure is not known counts for nothing") {
    Watch watch{ruleOf({{warning, 90, 80}})};
    watch.see(0s, 95);
    watch.seeNothing(10s);
    watch.seeNothing(1000s);
    CHECK(watch.see(1010s, 95) == nothing);
    CHECK(watch.see(1059s, 95) == nothing);
    CHECK(watch.see(1060s, 95) == warning);
    watch.seeNothing(1070s);
    CHECK(watch.trigger.firing() == warning);
}

TEST_CASE("what is not known does not make anything begin") {
    Watch watch{ruleOf({{warning, 90, 80}})};
    watch.seeNothing(0s);
    CHECK_FALSE(watch.trigger.active());
    watch.see(100s, 95);
    CHECK(watch.see(159s, 95) == nothing);
    CHECK(watch.see(160s, 95) == warning);
}

TEST_CASE("what fired in an earlier run goes on until a figure ends it") {
    Watch watch{twoLevels()};
    watch.trigger.restore(critical);
    CHECK(watch.trigger.active());
    watch.seeNothing(0s);
    CHECK(watch.see(5s, 96) == critical);
    CHECK(watch.see(10s, 79) == nothing);
}

TEST_CASE("another duration goes on counting") {
    Watch watch{ruleOf({{warning, 90, 80}}, 300s)};
    watch.see(0s, 95);
    watch.setRule(ruleOf({{warning, 90, 80}}, 60s));
    CHECK(watch.see(59s, 95) == nothing);
    CHECK(watch.see(60s, 95) == warning);
}

TEST_CASE("a smaller threshold goes on counting, a larger one begins anew") {
    for (const double threshold : {85.0, 94.0}) {
        Watch watch{ruleOf({{warning, 90, 80}})};
        watch.see(0s, 95);
        watch.setRule(ruleOf({{warning, threshold, 80}}));
        watch.see(30s, 95);
        CAPTURE(threshold);
        CHECK((watch.see(60s, 95) == warning) == (threshold < 90));
        CHECK(watch.see(90s, 95) == warning);
    }
}

TEST_CASE("on the way down a larger threshold goes on counting, a smaller one begins anew") {
    for (const double clear : {96.0, 93.5}) {
        Watch watch{twoLevels()};
        watch.see(0s, 99);
        REQUIRE(watch.see(60s, 99) == critical);
        watch.see(100s, 93);
        watch.setRule(ruleOf({{warning, 90, 80}, {critical, 98, clear}}));
        watch.see(130s, 93);
        CAPTURE(clear);
        CHECK((watch.see(160s, 93) == warning) == (clear > 95));
        CHECK(watch.see(190s, 93) == warning);
    }
}

TEST_CASE("a level that the rule has no more gives way to the next smaller one, or to the least") {
    Watch watch{twoLevels()};
    watch.trigger.restore(critical);
    watch.setRule(ruleOf({{warning, 90, 80}}));
    CHECK(watch.see(0s, 96) == warning);
    watch.setRule(ruleOf({{error, 98, 95}}));
    CHECK(watch.see(5s, 96) == error);
    CHECK(watch.see(10s, 94) == nothing);
}

TEST_CASE("a rule without a level fires never, and no more") {
    Watch watch{ruleOf({}, 0s)};
    CHECK(watch.see(0s, 100) == nothing);
    watch.trigger.restore(error);
    CHECK(watch.see(5s, 100) == nothing);
}
