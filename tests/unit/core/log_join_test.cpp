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
    CHECK(show(first.takeFirst()) == "<gap>");
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

TEST_CASE("where an earlier stream was joined, the place is known, however often it looks so") {
    const std::string boot = numbered(1, 50);
    LogJoin join({.latest = boot, .end = LogJoin::Place{1, boot.size()}},
                 file(boot + boot + "more"), at(0));
    CHECK(show(join.takeFirst()) == boot + "more");
    LogJoin moved({.latest = boot, .end = LogJoin::Place{1, boot.size() + 1}},
                  file(boot + boot + "more"), at(0));
    CHECK(show(moved.takeFirst()) == "<gap>");
    LogJoin other({.latest = boot, .end = LogJoin::Place{2, boot.size()}},
                  file(boot + boot + "more"), at(0));
    CHECK(show(other.takeFirst()) == "<gap>");
}

TEST_CASE("bytes that QEMU has doubled in the file are no other output") {
    const std::string all = numbered(1, 300);
    std::string inFile = all;
    for (const std::size_t place : {900, 500, 500}) inFile.insert(place, 1, inFile[place]);
    const std::string latest = all.substr(0, 1000);
    LogJoin counted({.latest = latest, .end = LogJoin::Place{1, 1000}}, file(inFile), at(0));
    CHECK(show(counted.takeFirst()) == all.substr(1000));
    LogJoin searched(known(latest), file(inFile), at(0));
    CHECK(show(searched.takeFirst()) == all.substr(1000));
    std::string other = inFile;
    other[300] = '?';
    LogJoin differs({.latest = latest, .end = LogJoin::Place{1, 1000}}, file(other), at(0));
    CHECK(show(differs.takeFirst()) == "<gap>");
}

TEST_CASE("a byte that was doubled just before what is known ends") {
    const std::string all = numbered(1, 300);
    std::string inFile = all;
    inFile.insert(990, 1, inFile[990]);
    LogJoin join({.latest = all.substr(0, 1000), .end = LogJoin::Place{1, 1000}}, file(inFile),
                 at(0));
    CHECK(show(join.takeFirst()) == all.substr(1000));
}

TEST_CASE("what a process that was killed had not come to write is no gap") {
    const std::string all = numbered(1, 50);
    LogJoin join({.latest = all, .end = LogJoin::Place{1, all.size()}},
                 file(all.substr(0, all.size() - 16)), at(0));
    CHECK(show(join.takeFirst()) == "");
    LogJoin cut({.latest = all, .end = LogJoin::Place{1, all.size()}},
                file(all.substr(0, all.size() - 100)), at(0));
    CHECK(show(cut.takeFirst()) == "<gap>");
}

TEST_CASE("a join tells where in the file it has come to") {
    LogJoin join(known("x"), file("x"), at(0));
    join.takeFirst();
    REQUIRE(join.end());
    CHECK(join.end()->offset == 1);
    join.hold("abc", at(1600));
    REQUIRE(join.wantsLog(at(1700)));
    join.take(file("abc", 1), at(1701));
    CHECK(show(join.finish()) == "abc");
    REQUIRE(join.end());
    CHECK(join.end()->offset == 4);
    LogJoin lost(known("nowhere"), file("x"), at(0));
    lost.takeFirst();
    CHECK_FALSE(lost.end());
    lost.hold("abc", at(1600));
    lost.finish();
    CHECK_FALSE(lost.end());
}

TEST_CASE("an overlap that is not found, or more than once, is a gap") {
    LogJoin rotated(known(numbered(1, 10)), file(numbered(20, 10)), at(0));
    CHECK(show(rotated.takeFirst()) == "<gap>");
    LogJoin identical(known(std::string(500, 'a')), file(std::string(2000, 'a')), at(0));
    CHECK(show(identical.takeFirst()) == "<gap>");
}

/// A stream that opened when the file had 100 bytes.
struct Opened {
    std::string before = std::string(99, '.') + "x";
    LogJoin join;
    explicit Opened(bool newTerminal = true)
        : join({.latest = before, .newTerminal = newTerminal}, file(before), at(0)) {
        CHECK(show(join.takeFirst()) == "");
    }
    void read(int ms, const std::string& bytes) {
        REQUIRE(join.wantsLog(at(ms)) == before.size());
        join.take(file(bytes, before.size()), at(ms));
    }
    std::string found() {
        CHECK(join.done());
        return show(join.finish());
    }
};

TEST_CASE("what stands in the file before what the stream brings was missed") {
    Opened opened;
    const std::string all = numbered(1, 100);
    opened.join.hold(all.substr(300, 200), at(200));
    opened.read(200, all.substr(0, 700));
    CHECK(opened.found() == all.substr(0, 500));
}

TEST_CASE("what comes while the file is being read follows") {
    Opened opened;
    const std::string all = numbered(1, 100);
    opened.join.hold(all.substr(300, 200), at(200));
    REQUIRE(opened.join.wantsLog(at(200)));
    opened.join.hold(all.substr(500, 50), at(201));
    opened.join.take(file(all.substr(0, 520), 100), at(202));
    CHECK(opened.found() == all.substr(0, 550));
}

TEST_CASE("little is only compared with the file's end, once it is all that has come") {
    Opened opened;
    opened.join.hold("line 7\nli", at(200));
    CHECK_FALSE(opened.join.wantsLog(at(299)));
    opened.read(300, numbered(1, 6) + "line 7\nli");
    CHECK(opened.found() == numbered(1, 6) + "line 7\nli");

    Opened echo;
    echo.join.hold("\r", at(4000));
    echo.join.hold("\n", at(4050));
    CHECK_FALSE(echo.join.wantsLog(at(4149)));
    echo.read(4150, "\r\n");
    CHECK(echo.found() == "\r\n");
}

TEST_CASE("little that stands elsewhere in the file proves nothing") {
    Opened opened;
    opened.join.hold("line 7\n", at(200));
    opened.read(300, numbered(1, 9));
    CHECK_FALSE(opened.join.done());
    opened.read(400, numbered(1, 9));
    CHECK_FALSE(opened.join.wantsLog(at(2200)));
    CHECK(opened.found() == "<gap>line 7\n");
}

TEST_CASE("identical bytes are at many places: a gap, and every byte of the stream") {
    Opened opened;
    opened.join.hold(std::string(100, 'a'), at(200));
    opened.read(200, std::string(500, 'a'));
    CHECK_FALSE(opened.join.done());
    opened.join.hold(std::string(100, 'a'), at(1900));
    opened.read(1900, std::string(900, 'a'));
    CHECK_FALSE(opened.join.wantsLog(at(2200)));
    CHECK(opened.found() == "<gap>" + std::string(200, 'a'));
}

TEST_CASE("what a terminal had kept for its next reader comes once") {
    const std::string all = numbered(1, 300);
    // Known up to 500, which is where the last reader went; the file had 1000 when it was opened.
    LogJoin join(known(all.substr(0, 500)), file(all.substr(0, 1000)), at(0));
    CHECK(show(join.takeFirst()) == all.substr(500, 500));
    join.hold(all.substr(500, 120), at(1));
    CHECK_FALSE(join.wantsLog(at(1000)));
    join.hold(all.substr(1700, 40), at(1050));
    join.hold(all.substr(1740, 100), at(1200));
    REQUIRE(join.wantsLog(at(1200)) == 1000);
    join.take(file(all.substr(1000, 900), 1000), at(1201));
    CHECK(join.done());
    CHECK(show(join.finish()) == all.substr(1000, 840));
}

TEST_CASE("what a terminal had kept, where QEMU has doubled a byte in the file") {
    const std::string all = numbered(1, 300);
    std::string inFile = all.substr(0, 1000);
    inFile.insert(560, 1, inFile[560]);
    LogJoin join(known(all.substr(0, 500)), file(inFile), at(0));
    CHECK(show(join.takeFirst()) == inFile.substr(500));
    join.hold(all.substr(500, 120), at(1));
    join.hold(all.substr(1740, 100), at(1200));
    REQUIRE(join.wantsLog(at(1200)) == 1001);
    join.take(file(all.substr(1000, 900), 1001), at(1201));
    CHECK(join.done());
    CHECK(show(join.finish()) == all.substr(1000, 840));
}

TEST_CASE("what the stream brings, where QEMU has doubled a byte in the file") {
    const std::string all = numbered(1, 300);
    std::string inFile = all.substr(0, 1000);
    inFile.insert(800, 1, inFile[800]);
    LogJoin join(known(all.substr(0, 500)), file(all.substr(0, 500)), at(0));
    join.takeFirst();
    join.hold(all.substr(750, 250), at(1200));
    REQUIRE(join.wantsLog(at(1200)) == 500);
    join.take(file(inFile.substr(500), 500), at(1201));
    CHECK(join.done());
    CHECK(show(join.finish()) == inFile.substr(500));
}

TEST_CASE("what a terminal had kept, of a guest that is silent since") {
    const std::string all = numbered(1, 300);
    LogJoin join(known(all.substr(0, 500)), file(all.substr(0, 700)), at(0));
    join.takeFirst();
    join.hold(all.substr(500, 120), at(1));
    REQUIRE(join.wantsLog(at(1500)) == 700);
    join.take(file("", 700), at(1501));
    CHECK(join.done());
    CHECK(show(join.finish()) == "");
}

TEST_CASE("what is neither in the file nor was kept is a gap, and shown") {
    Opened opened(false);
    opened.join.hold("from nowhere" + numbered(20, 20), at(1200));
    opened.read(1200, numbered(1, 60));
    CHECK_FALSE(opened.join.done());
    CHECK_FALSE(opened.join.wantsLog(at(3200)));
    CHECK(opened.found() == "<gap>from nowhere" + numbered(20, 20));
}

TEST_CASE("a file that is written a little later is read again, for two seconds") {
    Opened opened;
    opened.join.hold("late", at(200));
    opened.read(300, "");
    CHECK_FALSE(opened.join.done());
    opened.read(400, "early late");
    CHECK(opened.found() == "early late");

    Opened never;
    never.join.hold("late", at(200));
    never.read(300, "");
    CHECK_FALSE(never.join.wantsLog(at(2200)));
    CHECK(never.found() == "<gap>late");
}

TEST_CASE("a file that was put in its place, cut, or cannot be read any more is of no use") {
    for (const auto& log : {std::optional(file("abc", 100, 2)), std::optional<ConsoleLog>()}) {
        Opened opened;
        opened.join.hold("abc", at(200));
        REQUIRE(opened.join.wantsLog(at(300)));
        opened.join.take(log, at(300));
        CHECK(opened.found() == "<gap>abc");
    }
}

TEST_CASE("a guest that is silent from then on: what is in the file was missed") {
    Opened opened;
    CHECK_FALSE(opened.join.wantsLog(at(1000)));
    CHECK(opened.join.due() == at(1500));
    opened.read(1500, "banner\nlogin: ");
    CHECK_FALSE(opened.join.done());
    opened.read(1800, "banner\nlogin: ");
    CHECK(opened.found() == "banner\nlogin: ");
}

TEST_CASE("what was on its way at that moment is not taken for missed") {
    Opened opened;
    opened.read(1500, "banner\n");
    opened.join.hold("banner\n", at(1510));
    opened.read(1800, "banner\n");
    CHECK(opened.found() == "banner\n");
}

TEST_CASE("a silent guest with nothing in the file") {
    Opened opened;
    opened.read(1500, "");
    CHECK(opened.found() == "");
}

TEST_CASE("a guest that is gone before its stream brought anything") {
    Opened opened;
    opened.join.endStream(at(400));
    opened.read(400, "panic\n");
    CHECK(opened.found() == "panic\n");
}

TEST_CASE("the end of the stream: the file is read once more, and that is all there is") {
    Opened opened;
    opened.join.hold("nic\n", at(300));
    REQUIRE(opened.join.wantsLog(at(400)));
    opened.join.endStream(at(410));
    opened.join.take(file("pa", 100), at(420));
    CHECK_FALSE(opened.join.done());
    opened.read(520, "panic\n");
    CHECK(opened.found() == "panic\n");

    Opened other;
    other.join.hold("nic\n", at(300));
    other.join.endStream(at(310));
    other.read(310, "pa");
    CHECK(other.found() == "<gap>nic\n");
}

TEST_CASE("a process that was killed may not have come to write its last bytes to the file") {
    Opened opened;
    const std::string all = numbered(1, 50);
    opened.join.hold(all.substr(100, 210), at(300));
    opened.join.endStream(at(310));
    opened.read(310, all.substr(0, 300));
    CHECK(opened.found() == all.substr(0, 310));
}

TEST_CASE("not more than a mebibyte is held back") {
    Opened opened;
    opened.join.hold(std::string((1 << 20) - 1, 'b'), at(100));
    CHECK_FALSE(opened.join.done());
    opened.join.hold("b", at(100));
    CHECK(opened.found() == "<gap>" + std::string(1 << 20, 'b'));
}

TEST_CASE("an answer that does not come holds nothing back for long") {
    Opened opened;
    opened.join.hold("abc", at(100));
    REQUIRE(opened.join.wantsLog(at(200)));
    CHECK(opened.join.due() == at(2100));
    CHECK_FALSE(opened.join.wantsLog(at(2099)));
    CHECK_FALSE(opened.join.done());
    CHECK_FALSE(opened.join.wantsLog(at(2100)));
    CHECK(opened.found() == "<gap>abc");
}

TEST_CASE("the file is not asked for while it is being read") {
    Opened opened;
    opened.join.hold("a", at(100));
    REQUIRE(opened.join.wantsLog(at(200)));
    opened.join.hold("b", at(201));
    CHECK_FALSE(opened.join.wantsLog(at(400)));
}

}  // namespace
}  // namespace rollo::core
