// SPDX-License-Identifier: Apache-2.0
#include "common/log.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace rollo::common;

namespace {

struct Line {
    log::Level level;
    std::string message;
    std::vector<std::pair<std::string, std::string>> fields;
};

/// Collects what is logged while it lives.
class Captured {
  public:
    Captured() {
        log::setSink([this](log::Level level, std::string_view message, const log::Fields& fields) {
            Line line{level, std::string(message), {}};
            for (const auto& [name, value] : fields) line.fields.emplace_back(name, value);
            lines.push_back(std::move(line));
        });
    }
    ~Captured() {
        log::setSink(nullptr);
        log::setLevel(log::Level::info);
    }
    Captured(const Captured&) = delete;
    Captured& operator=(const Captured&) = delete;

    std::vector<Line> lines;
};

struct CountsFormatting {
    int* count;
};

}  // namespace

template <>
struct fmt::formatter<CountsFormatting> {
    constexpr auto parse(format_parse_context& context) { return context.begin(); }
    auto format(const CountsFormatting& value, format_context& context) const {
        ++*value.count;
        return context.out();
    }
};

TEST_CASE("levels are named both ways, and unknown names are none") {
    for (const auto level : {log::Level::error, log::Level::warning, log::Level::notice,
                             log::Level::info, log::Level::debug, log::Level::trace})
        CHECK(log::parseLevel(log::levelName(level)) == level);
    CHECK_FALSE(log::parseLevel("Info"));
    CHECK_FALSE(log::parseLevel(""));
}

TEST_CASE("what is below the level is neither written nor formatted") {
    Captured captured;
    int formatted = 0;
    log::debug("{}", CountsFormatting{&formatted});
    CHECK(formatted == 0);
    log::setLevel(log::Level::debug);
    log::debug("{}", CountsFormatting{&formatted});
    CHECK(formatted == 1);
    log::setLevel(log::Level::error);
    log::warning("not this");
    log::error("this {}", 1);
    REQUIRE(captured.lines.size() == 2);
    CHECK(captured.lines.back().message == "this 1");
    CHECK(captured.lines.back().level == log::Level::error);
}

TEST_CASE("fields travel beside the message") {
    Captured captured;
    log::write(log::Level::notice, "hello", {{"USER", "ann"}, {"ADDRESS", "::1"}});
    REQUIRE(captured.lines.size() == 1);
    CHECK(captured.lines[0].fields[1] == std::pair<std::string, std::string>("ADDRESS", "::1"));
}

TEST_CASE("a line break from outside does not make a second line") {
    Captured captured;
    log::info("name {}", "a\n<0>forged\x1b[31m\x7f");
    REQUIRE(captured.lines.size() == 1);
    CHECK(captured.lines[0].message == "name a\\x0a<0>forged\\x1b[31m\\x7f");
}

TEST_CASE("what is not UTF-8 is shown as such, and does not spoil the line") {
    Captured captured;
    log::info("name {}", "a\xff\xc3\xa4");
    REQUIRE(captured.lines.size() == 1);
    CHECK(captured.lines[0].message == "name a\xef\xbf\xbd\xc3\xa4");
}

TEST_CASE("lines of several threads arrive whole") {
    Captured captured;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i)
            threads.emplace_back([] {
                for (int n = 0; n < 100; ++n) log::info("{}", std::string(50, 'x'));
            });
    }
    REQUIRE(captured.lines.size() == 400);
    for (const Line& line : captured.lines) CHECK(line.message == std::string(50, 'x'));
}
