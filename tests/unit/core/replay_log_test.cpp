// SPDX-License-Identifier: Apache-2.0
#include "agent/core/replay_log.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/fakes/examples.hpp"

using namespace rollo::core;
using rollo::proto::Frame;
using rollo::proto::Seq;

namespace {

ReplayLog::Entry entry(Seq seq, std::size_t bytes = 10, std::size_t farewellBytes = 0) {
    ReplayLog::Entry made;
    made.seq = seq;
    // A frame of up to 127 bytes has a header of two.
    made.frame = Frame::text(std::string(bytes - 2, 'x'));
    if (farewellBytes) made.farewell = Frame::text(std::string(farewellBytes - 2, 'x'));
    return made;
}

ReplayLog filled(Seq upTo, std::size_t maxEntries, std::size_t maxBytes) {
    ReplayLog log(maxEntries, maxBytes);
    for (Seq seq = 1; seq <= upTo; ++seq) log.append(entry(seq));
    return log;
}

std::vector<Seq> numbers(const ReplayLog& log, Seq after) {
    std::vector<Seq> all;
    const auto range = log.after(after);
    REQUIRE(range.has_value());
    for (auto each = range->begin; each != range->end; ++each) all.push_back(each->seq);
    return all;
}

}  // namespace

TEST_CASE("what came after a number is found, oldest first") {
    const auto log = filled(5, 10, 1000);
    CHECK(numbers(log, 0) == std::vector<Seq>{1, 2, 3, 4, 5});
    CHECK(numbers(log, 3) == std::vector<Seq>{4, 5});
    CHECK(numbers(log, 5).empty());
}

TEST_CASE("nothing has come after nothing") {
    const ReplayLog log(10, 1000);
    CHECK(numbers(log, 0).empty());
    CHECK_FALSE(log.after(1));
}

TEST_CASE("a number that lies ahead is no place to resume from") {
    const auto log = filled(5, 10, 1000);
    CHECK_FALSE(log.after(6));
    CHECK_FALSE(log.after(~Seq{0}));
}

TEST_CASE("the oldest go first, and what is gone is known to be gone") {
    const auto log = filled(10, 4, 1000);
    CHECK(log.size() == 4);
    CHECK(numbers(log, 6) == std::vector<Seq>{7, 8, 9, 10});
    CHECK_FALSE(log.after(5));
    CHECK_FALSE(log.after(0));
}

TEST_CASE("the log is bounded by bytes too") {
    const auto log = filled(10, 100, 35);
    CHECK(log.size() == 3);
    CHECK(log.bytes() == 30);
    CHECK_FALSE(log.after(6));
    CHECK(numbers(log, 7) == std::vector<Seq>{8, 9, 10});
}

TEST_CASE("farewells count as well") {
    ReplayLog log(100, 100);
    log.append(entry(1, 10, 40));
    CHECK(log.bytes() == 50);
    log.append(entry(2, 60));
    CHECK(log.size() == 1);
    CHECK(log.bytes() == 60);
}

TEST_CASE("an event larger than the log is kept until the next one") {
    ReplayLog log(100, 50);
    log.append(entry(1, 100));
    CHECK(numbers(log, 0) == std::vector<Seq>{1});
    log.append(entry(2));
    CHECK_FALSE(log.after(0));
    CHECK(numbers(log, 1) == std::vector<Seq>{2});
}

TEST_CASE("an entry knows what it is about") {
    auto about = entry(1);
    about.kind = rollo::proto::EventKind::vmCreated;
    about.vm = rollo::tests::vm(5);
    CHECK(about.topic().vm->id == 5);
    CHECK(about.topic().kind == rollo::proto::EventKind::vmCreated);
    about.vm.reset();
    about.server = true;
    CHECK(about.topic().server);
    CHECK_FALSE(about.topic().vm);
}
