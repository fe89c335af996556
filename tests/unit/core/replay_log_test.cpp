// SPDX-License-Identifier: Apache-2.0
#include "agent/core/replay_log.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/fakes/examples.hpp"

using namespace rollo::core;
using rollo::proto::Frame;
using rollo::proto::Seq;

namespace {

Frame frame(std::size_t bytes) {
    // A frame of up to 127 bytes has a header of two.
    return bytes == 0 ? Frame() : Frame::text(std::string(bytes - 2, 'x'));
}

void append(ReplayLog& log, Seq seq, std::size_t bytes = 10, std::size_t farewellBytes = 0) {
    const Topic topic{rollo::proto::EventKind::vmStatusChanged};
    log.append(seq, topic, frame(bytes), {}, frame(farewellBytes));
}

ReplayLog filled(Seq upTo, std::size_t maxEntries, std::size_t maxBytes) {
    ReplayLog log(maxEntries, maxBytes);
    for (Seq seq = 1; seq <= upTo; ++seq) append(log, seq);
    return log;
}

std::vector<Seq> numbers(const ReplayLog& log, Seq after) {
    std::vector<Seq> all;
    REQUIRE(log.reaches(after));
    for (Seq seq = after + 1; seq <= log.last(); ++seq) all.push_back(log.at(seq).seq);
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
    CHECK_FALSE(log.reaches(1));
}

TEST_CASE("a number that lies ahead is no place to resume from") {
    const auto log = filled(5, 10, 1000);
    CHECK_FALSE(log.reaches(6));
    CHECK_FALSE(log.reaches(~Seq{0}));
}

TEST_CASE("the oldest go first, and what is gone is known to be gone") {
    const auto log = filled(10, 4, 1000);
    CHECK(log.size() == 4);
    CHECK(numbers(log, 6) == std::vector<Seq>{7, 8, 9, 10});
    CHECK_FALSE(log.reaches(5));
    CHECK_FALSE(log.reaches(0));
}

TEST_CASE("the log is bounded by bytes too") {
    const auto log = filled(10, 100, 35);
    CHECK(log.size() == 3);
    CHECK(log.bytes() == 30);
    CHECK_FALSE(log.reaches(6));
    CHECK(numbers(log, 7) == std::vector<Seq>{8, 9, 10});
}

TEST_CASE("farewells count as well") {
    ReplayLog log(100, 100);
    append(log, 1, 10, 40);
    CHECK(log.bytes() == 50);
    append(log, 2, 60);
    CHECK(log.size() == 1);
    CHECK(log.bytes() == 60);
}

TEST_CASE("an event larger than the log is kept until the next one") {
    ReplayLog log(100, 50);
    append(log, 1, 100);
    CHECK(numbers(log, 0) == std::vector<Seq>{1});
    append(log, 2);
    CHECK_FALSE(log.reaches(0));
    CHECK(numbers(log, 1) == std::vector<Seq>{2});
}

TEST_CASE("an entry knows what it is about") {
    using rollo::proto::EventKind;
    ReplayLog log(1, 1000);
    const auto vm = rollo::tests::vm(5);
    const auto before = rollo::tests::vm(6);
    const auto& created = log.append(1, {EventKind::vmCreated, &vm}, frame(10), before);
    CHECK(created.topic().vm->id == 5);
    CHECK(created.topic().kind == EventKind::vmCreated);
    CHECK(created.before == before);
    const auto& online = log.append(2, {EventKind::serverStatusChanged, nullptr, true}, frame(10));
    CHECK(online.topic().server);
    CHECK_FALSE(online.topic().vm);
    CHECK_FALSE(online.before);
}
