// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "agent/core/log_join.hpp"

namespace rollo::core {
namespace {

using std::chrono::milliseconds;

common::Monotonic at(int ms) {
    return common::Monotonic(std::chrono::hours(1)) + milliseconds(ms);
}

ConsoleLog file(std::string bytes, std::uint64_t from = 0, std::uint64_t inode = 1) {
    return {std::move(bytes), from, inode};
}

std::string numbered(int first, int count) {
    std::string text;
    for (int i = first; i < first + count; ++i) text += "line " + std::to_string(i) + "\n";
    return text;
}

std::string show(const LogJoin::Found& found) {
    return (found.gap ? "<gap>" : "") + found.bytes;
}

LogJoin::Known known(std::string latest) {
    return {.latest = std::move(latest)};
}

TEST_CASE("without a log file it is not known what was missed") {
    LogJoin first({.nothing = true}, std::nullopt, at(0));
    CHECK(first.done());
    CHECK(show(first.takeFirst()) == "");
    LogJoin again(known("abc"), std::nullopt, at(0));
    CHECK(again.done());
    CHECK(show(again.takeFirst()) == "<gap>");
    CHECK(show(again.finish()) == "");
}

TEST_CASE("the file goes on where the output that is known ends") {
    const std::string text = numbered(1, 200);
    LogJoin join(known(text.substr(0, 900)), file(text), at(0));
    CHECK(show(join.takeFirst()) == text.substr(900));
    CHECK_FALSE(join.done());
}

TEST_CASE("a file that has nothing new, or of which nothing is known") {
    const std::string text = numbered(1, 50);
    LogJoin same(known(text), file(text), at(0));
    CHECK(show(same.takeFirst()) == "");
    LogJoin first({.nothing = true}, file(text, 70000), at(0));
    CHECK(show(first.takeFirst()) == text);
    LogJoin boot({.latest = "old", .logBegan = true}, file(text), at(0));
    CHECK(show(boot.takeFirst()) == text);
    LogJoin longBoot({.latest = "old", .logBegan = true}, file(text, 70000), at(0));
    CHECK(show(longBoot.takeFirst()) == "<gap>" + text);
}

TEST_CASE("an overlap that is not found, or more than once, is a gap") {
    LogJoin rotated(known(numbered(1, 10)), file(numbered(20, 10)), at(0));
    CHECK(show(rotated.takeFirst()) == "<gap>");
    LogJoin identical(known(std::string(500, 'a')), file(std::string(2000, 'a')), at(0));
    CHECK(show(identical.takeFirst()) == "<gap>");
}

/// A stream that opened when the file had 100 bytes.
struct Opened {
    LogJoin join{known("x"), file(std::string(99, '.') + "x"), at(0)};
    Opened() { CHECK(show(join.takeFirst()) == ""); }
    void read(int ms, const std::string& bytes) {
        REQUIRE(join.wantsLog(at(ms)) == 100);
        join.take(file(bytes, 100), at(ms));
    }
};

TEST_CASE("what the stream brings is searched in the file, and what stands before was missed") {
    Opened opened;
    opened.join.hold("line 7\nli", at(200));
    opened.read(200, numbered(1, 9));
    CHECK(opened.join.done());
    CHECK(show(opened.join.finish()) == numbered(1, 6) + "line 7\nli");
}

TEST_CASE("nothing was missed where the file begins with what the stream brings") {
    Opened opened;
    opened.join.hold("\r\n", at(4000));
    opened.read(4000, "\r\n");
    CHECK(show(opened.join.finish()) == "\r\n");
}

TEST_CASE("more of the stream makes a place unique") {
    Opened opened;
    opened.join.hold("line ", at(200));
    opened.read(200, numbered(1, 9));
    CHECK_FALSE(opened.join.done());
    CHECK_FALSE(opened.join.wantsLog(at(210)));
    opened.join.hold("8\n", at(220));
    opened.read(260, numbered(1, 9));
    CHECK(show(opened.join.finish()) == numbered(1, 7) + "line 8\n");
}

TEST_CASE("identical bytes are at many places: a gap, and every byte of the stream") {
    Opened opened;
    opened.join.hold("aaaa", at(200));
    opened.read(200, std::string(50, 'a'));
    CHECK_FALSE(opened.join.done());
    opened.join.hold("aaaa", at(520));
    opened.read(520, std::string(60, 'a'));
    CHECK(show(opened.join.finish()) == "<gap>aaaaaaaa");
}

TEST_CASE("a file that is written a little later is read again, for a second") {
    Opened opened;
    opened.join.hold("late", at(200));
    opened.read(200, "");
    CHECK_FALSE(opened.join.done());
    opened.read(260, "early late");
    CHECK(show(opened.join.finish()) == "early late");

    Opened never;
    never.join.hold("late", at(200));
    never.read(200, "");
    never.read(1300, "");
    CHECK(never.join.done());
    CHECK(show(never.join.finish()) == "<gap>late");
}

TEST_CASE("a file that was put in its place, cut, or cannot be read any more is of no use") {
    for (const auto& log : {std::optional(file("abc", 100, 2)), std::optional<ConsoleLog>()}) {
        Opened opened;
        opened.join.hold("abc", at(200));
        REQUIRE(opened.join.wantsLog(at(200)));
        opened.join.take(log, at(200));
        CHECK(show(opened.join.finish()) == "<gap>abc");
    }
}

TEST_CASE("a guest that is silent from then on: what is in the file was missed") {
    Opened opened;
    CHECK_FALSE(opened.join.wantsLog(at(1000)));
    CHECK(opened.join.due() == at(1500));
    opened.read(1500, "banner\nlogin: ");
    CHECK_FALSE(opened.join.done());
    opened.read(1800, "banner\nlogin: ");
    CHECK(opened.join.done());
    CHECK(show(opened.join.finish()) == "banner\nlogin: ");
}

TEST_CASE("what was on its way at that moment is not taken for missed") {
    Opened opened;
    opened.read(1500, "banner\n");
    opened.join.hold("banner\n", at(1510));
    opened.read(1800, "banner\n");
    CHECK(show(opened.join.finish()) == "banner\n");
}

TEST_CASE("a silent guest with nothing in the file") {
    Opened opened;
    opened.read(1500, "");
    CHECK(show(opened.join.finish()) == "");
}

TEST_CASE("a guest that is gone before its stream brought anything") {
    Opened opened;
    opened.join.end(at(400));
    opened.read(400, "panic\n");
    CHECK(show(opened.join.finish()) == "panic\n");
}

TEST_CASE("the end of the stream while its overlap is searched") {
    Opened opened;
    opened.join.hold("nic\n", at(300));
    REQUIRE(opened.join.wantsLog(at(300)));
    opened.join.end(at(310));
    opened.join.take(file("pa", 100), at(320));
    CHECK(opened.join.done());
    CHECK(show(opened.join.finish()) == "<gap>nic\n");
}

TEST_CASE("not more than 64 KiB is held back") {
    Opened opened;
    opened.join.hold(std::string(70000, 'b'), at(100));
    CHECK(opened.join.done());
    CHECK(show(opened.join.finish()) == "<gap>" + std::string(70000, 'b'));
}

TEST_CASE("an answer that does not come holds nothing back for long") {
    Opened opened;
    opened.join.hold("abc", at(100));
    REQUIRE(opened.join.wantsLog(at(100)));
    CHECK(opened.join.due() == at(2100));
    CHECK_FALSE(opened.join.wantsLog(at(2099)));
    CHECK_FALSE(opened.join.done());
    CHECK_FALSE(opened.join.wantsLog(at(2100)));
    CHECK(opened.join.done());
    CHECK(show(opened.join.finish()) == "<gap>abc");
}

TEST_CASE("the file is not asked for while it is being read") {
    Opened opened;
    opened.join.hold("a", at(100));
    REQUIRE(opened.join.wantsLog(at(100)));
    opened.join.hold("b", at(101));
    CHECK_FALSE(opened.join.wantsLog(at(300)));
}

}  // namespace
}  // namespace rollo::core
