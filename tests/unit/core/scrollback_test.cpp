// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "agent/core/scrollback.hpp"

namespace rollo::core {
namespace {

using Kind = Scrollback::Mark::Kind;
constexpr std::size_t block = std::size_t{16} << 10;

/// Numbered lines, so that no two places look alike.
std::string lines(std::size_t bytes) {
    std::string text;
    for (int number = 0; text.size() < bytes; ++number)
        text += "line " + std::to_string(number) + "\r\n";
    text.resize(bytes);
    return text;
}

/// Reads on from the cursor to the end: bytes as they are, marks in angles.
std::string rest(const Scrollback& scrollback, Scrollback::Cursor& cursor,
                 std::size_t most = 100000) {
    std::string seen;
    while (true) {
        if (const auto mark = scrollback.takeMark(cursor)) {
            static const char* names[] = {"gap", "started", "reboot", "stopped"};
            seen += std::string("<") + names[static_cast<int>(mark->kind)];
            if (mark->kind == Kind::gap)
                seen += mark->approximate ? " ?" : " " + std::to_string(mark->to - mark->from);
            seen += ">";
            continue;
        }
        const std::string bytes = scrollback.read(cursor, most);
        if (bytes.empty()) return seen;
        seen += bytes;
        cursor.offset += bytes.size();
    }
}

std::string all(const Scrollback& scrollback) {
    auto cursor = scrollback.at(scrollback.begin());
    return rest(scrollback, cursor);
}

TEST_CASE("what was printed is read from any place, in pieces of any size") {
    Scrollback scrollback({});
    const std::string text = lines(3 * block + 77);
    for (std::size_t at = 0; at < text.size(); at += 1000)
        scrollback.append(std::string_view(text).substr(at, 1000));
    CHECK(scrollback.begin() == 0);
    CHECK(scrollback.end() == text.size());
    CHECK(scrollback.size() == text.size());
    for (const std::size_t from : {std::size_t{0}, block - 1, block, text.size() - 1, text.size()})
        for (const std::size_t piece : {std::size_t{999}, 2 * block}) {
            auto cursor = scrollback.at(from);
            CHECK(rest(scrollback, cursor, piece) == text.substr(from));
        }
}

TEST_CASE("the beginning of the boot and the latest are kept, and what lies between is a gap") {
    Scrollback scrollback({.bytes = 4 * block, .bootBytes = 2 * block});
    scrollback.append("before\n");
    scrollback.beginBoot("b1");
    const std::string text = lines(20 * block + 1000);
    scrollback.append(text);
    CHECK(scrollback.begin() == 7);
    CHECK(scrollback.size() >= 6 * block);
    CHECK(scrollback.size() <= 8 * block);
    auto cursor = scrollback.at(7);
    REQUIRE(scrollback.takeMark(cursor)->kind == Kind::started);
    std::string head;
    std::optional<Scrollback::Mark> gap;
    while (!(gap = scrollback.takeMark(cursor))) {
        head += scrollback.read(cursor, 1000);
        cursor.offset = 7 + head.size();
    }
    CHECK(head == text.substr(0, 2 * block));
    CHECK(gap->kind == Kind::gap);
    CHECK_FALSE(gap->approximate);
    CHECK(gap->from == 7 + head.size());
    CHECK(cursor.offset == gap->to);
    CHECK(rest(scrollback, cursor) == text.substr(gap->to - 7));
    CHECK(scrollback.end() - gap->to >= 4 * block);
}

TEST_CASE("the next boot's beginning takes the place of the former's") {
    Scrollback scrollback({.bytes = 2 * block, .bootBytes = block});
    scrollback.beginBoot("b1");
    scrollback.append(lines(6 * block));
    CHECK(scrollback.begin() == 0);
    scrollback.append("the end of the first\n");
    scrollback.mark(Kind::stopped, "b1");
    scrollback.beginBoot("b2");
    const auto second = scrollback.bootBegin();
    CHECK(second == scrollback.end());
    CHECK(scrollback.begin() > 0);
    scrollback.append("hello");
    CHECK(all(scrollback).ends_with("the end of the first\n<stopped><started>hello"));
    scrollback.append(lines(6 * block));
    CHECK(scrollback.begin() == second);
    auto cursor = scrollback.at(second);
    CHECK(rest(scrollback, cursor).substr(0, 24) == "<stopped><started>hello" + lines(1));
}

TEST_CASE("marks stand where they were made, for those who read on and those who come later") {
    Scrollback scrollback({});
    scrollback.beginBoot("b1");
    auto live = scrollback.at(0);
    CHECK(rest(scrollback, live) == "<started>");
    scrollback.append("one");
    scrollback.mark(Kind::reboot, "b1");
    scrollback.mark(Kind::reboot, "b1");
    CHECK(rest(scrollback, live) == "one<reboot><reboot>");
    scrollback.append("two");
    scrollback.skip(5);
    scrollback.append("three");
    scrollback.skipUnknown();
    CHECK(rest(scrollback, live) == "two<gap 5>three<gap ?>");
    CHECK(scrollback.end() == 16);
    CHECK(all(scrollback) == "<started>one<reboot><reboot>two<gap 5>three<gap ?>");
    auto inGap = scrollback.at(8);
    CHECK(rest(scrollback, inGap) == "<gap 3>three<gap ?>");
    auto atMark = scrollback.at(3);
    CHECK(rest(scrollback, atMark) == "<reboot><reboot>two<gap 5>three<gap ?>");
    CHECK(rest(scrollback, atMark) == "");
}

TEST_CASE("a gap of unknown size is told once at one place") {
    Scrollback scrollback({});
    scrollback.append("x");
    scrollback.skipUnknown();
    scrollback.skipUnknown();
    CHECK(all(scrollback) == "x<gap ?>");
    scrollback.append("y");
    scrollback.skipUnknown();
    CHECK(all(scrollback) == "x<gap ?>y<gap ?>");
}

TEST_CASE("the latest output ends where something is missing") {
    Scrollback scrollback({});
    const std::string text = lines(3 * block);
    scrollback.append(text);
    CHECK(scrollback.latest(10) == text.substr(text.size() - 10));
    CHECK(scrollback.latest(2 * block) == text.substr(block));
    CHECK(scrollback.latest(10 * block) == text);
    scrollback.skipUnknown();
    CHECK(scrollback.latest(10).empty());
    scrollback.append("abc");
    CHECK(scrollback.latest(10) == "abc");
    scrollback.skip(7);
    CHECK(scrollback.latest(10).empty());
}

TEST_CASE("what is shrunk away is a gap for those who have not read it") {
    Scrollback scrollback({});
    scrollback.beginBoot("b1");
    const std::string text = lines(8 * block);
    scrollback.append(text);
    auto reader = scrollback.at(0);
    REQUIRE(scrollback.takeMark(reader));
    scrollback.shrink(3 * block);
    CHECK(scrollback.size() <= 3 * block);
    CHECK(rest(scrollback, reader) ==
          "<gap " + std::to_string(5 * block) + ">" + text.substr(5 * block));
    scrollback.shrink(0);
    CHECK(scrollback.size() == 0);
    CHECK(scrollback.begin() == text.size());
    scrollback.append("more");
    CHECK(all(scrollback) == "more");
}

TEST_CASE("marks do not fill the memory of a guest that reboots without end") {
    Scrollback scrollback({});
    auto slow = scrollback.at(0);
    for (int i = 0; i < 5000; ++i) scrollback.mark(Kind::reboot, "b1");
    int told = 0;
    while (scrollback.takeMark(slow)) ++told;
    CHECK(told == 1024);
}

/// Every byte is read once and in order, or stands in a gap that was told.
TEST_CASE("readers of any pace account for every byte") {
    std::mt19937 random(7);
    const auto upTo = [&](std::size_t most) {
        return std::uniform_int_distribution<std::size_t>(0, most)(random);
    };
    for (int round = 0; round < 30; ++round) {
        Scrollback scrollback({.bytes = 3 * block, .bootBytes = block});
        std::string truth;  // '\0' for what was lost
        std::vector<Scrollback::Cursor> readers(3);
        for (int step = 0; step < 200; ++step) {
            const auto what = upTo(20);
            if (what == 0) {
                const std::size_t lost = upTo(500);
                scrollback.skip(lost);
                truth.append(lost, '\0');
            } else if (what == 1) {
                scrollback.beginBoot("b");
            } else if (what == 2) {
                scrollback.shrink(upTo(4 * block));
            } else {
                std::string bytes(upTo(2000), ' ');
                for (char& c : bytes) c = static_cast<char>('a' + upTo(25));
                scrollback.append(bytes);
                truth += bytes;
            }
            REQUIRE(scrollback.end() == truth.size());
            auto& reader = readers[upTo(2)];
            for (auto turns = upTo(30); turns > 0; --turns) {
                const auto before = reader.offset;
                if (const auto mark = scrollback.takeMark(reader)) {
                    if (mark->kind != Kind::gap) continue;
                    REQUIRE(mark->from == before);
                    REQUIRE(mark->to == reader.offset);
                    continue;
                }
                const std::string bytes = scrollback.read(reader, 1 + upTo(3000));
                REQUIRE(bytes == truth.substr(reader.offset, bytes.size()));
                reader.offset += bytes.size();
            }
            REQUIRE(reader.offset <= truth.size());
        }
    }
}

}  // namespace
}  // namespace rollo::core
