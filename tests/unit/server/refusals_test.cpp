// SPDX-License-Identifier: Apache-2.0
#include "agent/server/refusals.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

#include "common/log.hpp"

using namespace rollo::server;
using rollo::common::Monotonic;
using std::chrono::seconds;

namespace {

namespace log = rollo::common::log;

struct Lines {
    std::vector<std::string> all;
    Lines() {
        log::setSink([this](log::Level, std::string_view text, const log::Fields&) {
            all.emplace_back(text);
        });
    }
    ~Lines() { log::setSink({}); }
};

struct Bench {
    Lines lines;
    Counters counters;
    Refusals refusals{counters};
    Monotonic start{seconds(1000)};
};

}  // namespace

TEST_CASE("every refusal is counted, and a flood of them is two lines") {
    Bench bench;
    for (int i = 0; i < 1000; ++i) bench.refusals.note(Refused::host, "192.0.2.1", bench.start);
    CHECK(bench.counters.of(Refused::host) == 1000);
    REQUIRE(bench.lines.all.size() == 1);
    CHECK(bench.lines.all[0].starts_with("192.0.2.1 was refused: "));
    bench.refusals.note(Refused::host, "192.0.2.2", bench.start + seconds(9));
    bench.refusals.tick(bench.start + seconds(9));
    CHECK(bench.lines.all.size() == 1);
    bench.refusals.tick(bench.start + seconds(10));
    REQUIRE(bench.lines.all.size() == 2);
    CHECK(bench.lines.all[1].starts_with("1000 more were refused, the last one 192.0.2.2: "));
    bench.refusals.tick(bench.start + seconds(100));
    CHECK(bench.lines.all.size() == 2);
}

TEST_CASE("the first line says more where there is more to say") {
    Bench bench;
    bench.refusals.note(Refused::token, "a", bench.start, "it has expired");
    CHECK(bench.lines.all.at(0).ends_with(": it has expired"));
}

TEST_CASE("a line for another reason is not held back") {
    Bench bench;
    bench.refusals.note(Refused::host, "a", bench.start);
    bench.refusals.note(Refused::origin, "a", bench.start);
    CHECK(bench.lines.all.size() == 2);
}

TEST_CASE("after some quiet the next one is a line at once") {
    Bench bench;
    bench.refusals.note(Refused::host, "a", bench.start);
    bench.refusals.note(Refused::host, "a", bench.start + Refusals::betweenLines);
    CHECK(bench.lines.all.size() == 2);
}

TEST_CASE("every reason has a word of its own") {
    std::set<std::string_view> words;
    for (std::size_t i = 0; i < refusalReasons; ++i) words.insert(word(static_cast<Refused>(i)));
    CHECK(words.size() == refusalReasons);
    CHECK_FALSE(words.contains(""));
}
