// SPDX-License-Identifier: Apache-2.0
#include "common/utf8.hpp"

#include <doctest/doctest.h>

using namespace rollo::common;

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
