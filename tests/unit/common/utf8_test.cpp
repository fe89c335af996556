// SPDX-License-Identifier: Apache-2.0
#include "common/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace rollo::common;

namespace {

/// Whether some bytes make one well-formed character of it.
bool canBecomeCharacter(const std::string& begun) {
    for (const std::string more : {"\x80", "\x90", "\xa0"})
        for (std::size_t further = 0; further < 3; ++further)
            if (isUtf8(begun + more + std::string(further, '\x80'))) return true;
    return false;
}

/// Slowly what incompleteEnd should say.
std::size_t expectedEnd(const std::string& text) {
    for (std::size_t length = 1; length <= 3 && length <= text.size(); ++length)
        if (canBecomeCharacter(text.substr(text.size() - length))) return length;
    return 0;
}

}  // namespace

TEST_CASE("well-formed text passes, at every length and alignment") {
    for (const char* text :
         {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
          "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
        for (std::size_t before = 0; before < 20; ++before) {
            const std::string whole = std::string(before, 'x') + text + "tail";
            CHECK(isUtf8(whole));
            CHECK(toUtf8(whole) == whole);
        }
}

TEST_CASE("overlong forms, surrogates, lone and missing bytes do not pass") {
    for (const char* text :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf", "\xe2\x82",
          "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80", "\xff", "\xe2\x28\xa1", "\xe2\x82\x28"})
        for (std::size_t before = 0; before < 20; ++before) {
            const std::string whole = std::string(before, 'x') + text + "tail";
            CHECK_FALSE(isUtf8(whole));
            CHECK(isUtf8(toUtf8(whole)));
            CHECK(toUtf8(whole).starts_with(std::string(before, 'x') + "\xef\xbf\xbd"));
            CHECK(toUtf8(whole).ends_with("tail"));
        }
}

TEST_CASE("each bad byte is replaced by itself") {
    CHECK(toUtf8("a\xe2\x82z\xff") == "a\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd");
}

TEST_CASE("a character that is cut anywhere is seen to be cut") {
    for (const std::string character :
         {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xe2\x82\xac", "\xed\x9f\xbf", "\xef\xbf\xbf",
          "\xf0\x90\x80\x80", "\xf0\x9f\x90\x8d", "\xf4\x8f\xbf\xbf"})
        for (const std::string before :
             {"", "a", "text ", "\xe2\x82\xac", "\xf0\x9f\x90\x8d", "\xff"}) {
            CHECK(incompleteEnd(before + character) == 0);
            for (std::size_t cut = 1; cut < character.size(); ++cut)
                CHECK(incompleteEnd(before + character.substr(0, cut)) == cut);
        }
}

TEST_CASE("nothing is held back that no further byte can mend") {
    for (const char* text : {"", "a", "abcd", "\x80", "\xbf\xbf\xbf\xbf", "\xc0", "\xc1", "\xf5",
                             "\xff", "\xe0\x9f", "\xed\xa0", "\xf0\x8f", "\xf4\x90", "\xe2\x82x",
                             "\xf0\x90x", "\xf0\x90\x80x", "\xc2\x80\x80", "\xf0\x80\x80"}) {
        CAPTURE(text);
        CHECK(incompleteEnd(text) == 0);
    }
}

TEST_CASE("of any three bytes the end is judged as one that tries all") {
    std::size_t wrong = 0;
    const std::string interesting =
        "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5"
        "\xff";
    for (const char first : interesting)
        for (const char second : interesting)
            for (const char third : interesting) {
                const std::string text{first, second, third};
                if (incompleteEnd(text) != expectedEnd(text)) ++wrong;
            }
    CHECK(wrong == 0);
}

TEST_CASE("what is read in pieces of any size is read as if it had come at once") {
    const std::string whole =
        "Gr\xc3\xbc\xc3\x9f"
        "e \xe2\x82\xac \xf0\x9f\x90\x8d \xff\xe2\x82 \xf0\x9f\x90 end";
    for (std::size_t size = 1; size < whole.size(); ++size) {
        std::string kept;
        std::string read;
        for (std::size_t at = 0; at < whole.size(); at += size) {
            kept += whole.substr(at, size);
            const std::size_t ready = kept.size() - incompleteEnd(kept);
            read += toUtf8(kept.substr(0, ready));
            kept.erase(0, ready);
        }
        CHECK(read + toUtf8(kept) == toUtf8(whole));
    }
}
