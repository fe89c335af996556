// SPDX-License-Identifier: Apache-2.0
#include "common/json_reader.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>

using namespace rollo::common;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

std::string errorOf(std::string_view text, const JsonLimits& limits = {}) {
    const auto read = readJson(text, limits);
    return read ? "" : read.error().what;
}

std::string repeated(std::string_view part, std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += part;
    return text;
}

}  // namespace

TEST_CASE("every kind of JSON value is read as itself") {
    const auto read =
        readJson(R"( {"n":null,"t":true,"f":false,"i":-7,"r":1.5,"s":"aé\n\u00e9\ud83d\ude00",)"
                 R"("a":[1,[],{}],"o":{"x":"y"}} )");
    REQUIRE(read);
    CHECK(read->find("n")->isNull());
    CHECK(*read->find("t")->boolean());
    CHECK_FALSE(*read->find("f")->boolean());
    CHECK(*read->find("i")->integer() == -7);
    CHECK(*read->find("r")->real() == 1.5);
    CHECK(*read->find("s")->string() == "a\xc3\xa9\n\xc3\xa9\xf0\x9f\x98\x80");
    REQUIRE(read->find("a")->array()->size() == 3);
    CHECK(*read->find("a")->array()->front().integer() == 1);
    CHECK(read->find("a")->array()->at(1).array()->empty());
    CHECK(read->find("a")->array()->at(2).object()->empty());
    CHECK(*read->find("o")->find("x")->string() == "y");
    CHECK(read->find("missing") == nullptr);
    CHECK(read->find("i")->find("x") == nullptr);
    CHECK(read->find("i")->real() == nullptr);
}

TEST_CASE("a text may be a single value") {
    CHECK(*readJson("42")->integer() == 42);
    CHECK(*readJson("\"\"")->string() == "");
    CHECK(readJson("null")->isNull());
}

TEST_CASE("integers stay integers as far as 64 bits with sign go, then become doubles") {
    CHECK(*readJson("9223372036854775807")->integer() == INT64_MAX);
    CHECK(*readJson("-9223372036854775808")->integer() == INT64_MIN);
    CHECK(*readJson("2147483648")->integer() == 2147483648);
    CHECK(*readJson("4294967296")->integer() == 4294967296);
    CHECK(*readJson("9223372036854775808")->real() == 9223372036854775808.0);
    CHECK(*readJson("18446744073709551616")->real() == 18446744073709551616.0);
    CHECK(*readJson("-0")->integer() == 0);
    CHECK(*readJson("1.0")->real() == 1.0);
    CHECK(*readJson("1e2")->real() == 100.0);
    CHECK(readJson("1.0")->integer() == nullptr);
}

TEST_CASE("doubles are read as exactly as strtod reads them") {
    for (const char* text : {"0.1", "1.7976931348623157e308", "5e-324", "2.2250738585072011e-308",
                             "123456789012345678901234567890.5", "9007199254740993.0"})
        CHECK(*readJson(text)->real() == std::strtod(text, nullptr));
}

TEST_CASE("numbers that no double can hold are refused") {
    for (const char* text : {"1e309", "9.9e308", "-9.9e308", "1e99999999999999999999",
                             "1e-99999999999999999999", "1e-400"}) {
        CAPTURE(text);
        CHECK(errorOf(text) != "");
    }
}

TEST_CASE("what is no JSON is refused") {
    for (const char* text :
         {"",           " ",         "{",        "}",           "[1,]",        "{\"a\":}",
          "{\"a\":1,}", "{a:1}",     "'a'",      "01",          "+1",          ".5",
          "1.",         "-",         "nul",      "truee",       "[1] 2",       "{}{}",
          "//c\n1",     "NaN",       "Infinity", "\"\\x\"",     "\"\t\"",      "\"open",
          "[1 2]",      "{\"a\" 1}", "{1:2}",    "\"\\ud800\"", "\"\\ud800x\""}) {
        CAPTURE(text);
        CHECK(errorOf(text) != "");
    }
}

TEST_CASE("text that is no UTF-8 is refused, also when an escape makes it so") {
    CHECK(errorOf("\"\xff\"") != "");
    CHECK(errorOf("\"\xc0\x80\"") != "");
    CHECK(errorOf("\"\xed\xa0\x80\"") != "");
    CHECK(errorOf("\"\xf4\x90\x80\x80\"") != "");
    CHECK(errorOf("\"\xe2\x82\"") != "");
    CHECK(errorOf("\"\\udc00\"") != "");
    CHECK(errorOf("{\"\\udc00\":1}") != "");
    CHECK(errorOf("{\"\xff\":1}") != "");
}

TEST_CASE("a byte order mark and NUL bytes are refused, an escaped NUL is a character") {
    CHECK(errorOf("\xef\xbb\xbf{}") == "begins with a byte order mark");
    CHECK(errorOf("{}\0"sv) == "contains a NUL byte");
    CHECK(errorOf("{}\0garbage"sv) == "contains a NUL byte");
    CHECK(errorOf("\"a\0b\""sv) == "contains a NUL byte");
    CHECK(*readJson("\"a\\u0000b\"")->string() == "a\0b"s);
}

TEST_CASE("a member name that occurs twice is refused, in small objects and in large ones") {
    CHECK(errorOf(R"({"a":1,"a":2})") == "a member name occurs twice");
    CHECK(errorOf(R"({"a":1,"b":{"x":1,"x":1}})") == "a member name occurs twice");
    CHECK(errorOf(R"({"a":1,"\u0061":2})") == "a member name occurs twice");
    CHECK(errorOf(R"([{"a":1},{"a":1}])") == "");
    std::string members;
    for (int i = 0; i < 1000; ++i) members += "\"k" + std::to_string(i) + "\":0,";
    CHECK(errorOf("{" + members + "\"x\":0}") == "");
    CHECK(errorOf("{" + members + "\"k500\":0}") == "a member name occurs twice");
}

TEST_CASE("each limit holds at its edge") {
    CHECK(errorOf("[1]", {.bytes = 3}) == "");
    CHECK(errorOf("[1]", {.bytes = 2}) == "too long");
    CHECK(errorOf("[{}]", {.depth = 2}) == "");
    CHECK(errorOf("[{}]", {.depth = 1}) == "nested too deeply");
    CHECK(errorOf("[[[]]]", {.depth = 2}) == "nested too deeply");
    CHECK(errorOf("[1,2]", {.nodes = 3}) == "");
    CHECK(errorOf("[1,2]", {.nodes = 2}) == "too many values");
    CHECK(errorOf("{\"abc\":1}", {.keyBytes = 3}) == "");
    CHECK(errorOf("{\"abcd\":1}", {.keyBytes = 3}) == "a member name is too long");
}

TEST_CASE("a million open brackets are refused, not followed") {
    const JsonLimits roomy{.bytes = 10'000'000, .depth = 16, .nodes = 10'000'000};
    CHECK(errorOf(repeated("[", 1'000'000), roomy) == "nested too deeply");
    CHECK(errorOf(repeated("{\"a\":", 1'000'000), roomy) == "nested too deeply");
}

TEST_CASE("values keep their order and survive growth of what holds them") {
    std::string text = "[";
    for (int i = 0; i < 5000; ++i) text += "{\"v\":[" + std::to_string(i) + "]},";
    const auto read = readJson(text + "{}]");
    REQUIRE(read);
    REQUIRE(read->array()->size() == 5001);
    for (std::size_t i = 0; i < 5000; ++i)
        REQUIRE(*read->array()->at(i).find("v")->array()->front().integer() ==
                static_cast<std::int64_t>(i));
}

TEST_CASE("an error says where, and nothing of the text") {
    const auto read = readJson(R"({"secret":"hunter2",!)");
    REQUIRE_FALSE(read);
    CHECK(read.error().offset == 20);
    CHECK(read.error().what.find("hunter2") == std::string::npos);
}

TEST_CASE("long digit strings are read in bounded time and right") {
    const JsonLimits roomy{.bytes = 1'000'000};
    const std::string digits = "0." + repeated("3", 500'000);
    CHECK(*readJson(digits, roomy)->real() == std::strtod(digits.c_str(), nullptr));
    const std::string zeros = "0." + repeated("0", 500'000) + "1";
    CHECK(errorOf(zeros, roomy) == "a number is out of range");
    for (const std::size_t count : {300U, 340U, 380U, 700U, 800U}) {
        const std::string small = "0." + repeated("0", count) + "17";
        const auto read = readJson(small, roomy);
        CHECK((read ? *read->real() : 0.0) == std::strtod(small.c_str(), nullptr));
    }
    CHECK(errorOf(repeated("9", 500'000), roomy) != "");
}
