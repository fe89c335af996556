// SPDX-License-Identifier: Apache-2.0
#include "common/base64url.hpp"

#include <doctest/doctest.h>

using namespace rollo::common;

TEST_CASE("base64url encodes the vectors of RFC 4648 without padding") {
    CHECK(encodeBase64Url("") == "");
    CHECK(encodeBase64Url("f") == "Zg");
    CHECK(encodeBase64Url("fo") == "Zm8");
    CHECK(encodeBase64Url("foo") == "Zm9v");
    CHECK(encodeBase64Url("foobar") == "Zm9vYmFy");
    CHECK(encodeBase64Url("\xfb\xff\xfe") == "-__-");
}

TEST_CASE("base64url gives back every byte at every length") {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        CHECK(decodeBase64Url(encodeBase64Url(bytes)) == bytes);
        bytes.push_back(static_cast<char>(i * 7));
    }
}

TEST_CASE("base64url refuses whatever is not the one canonical text") {
    CHECK_FALSE(decodeBase64Url("Zg=="));
    CHECK_FALSE(decodeBase64Url("A"));
    CHECK_FALSE(decodeBase64Url("Zm9vY"));
    CHECK_FALSE(decodeBase64Url("Zm9+"));
    CHECK_FALSE(decodeBase64Url("Zm9/"));
    CHECK_FALSE(decodeBase64Url("Zm 9"));
    CHECK_FALSE(decodeBase64Url("Zm9\n"));
    CHECK_FALSE(decodeBase64Url(std::string_view("Zm9\0", 4)));
    CHECK_FALSE(decodeBase64Url("Zm\xc3\xa4"));
    CHECK_FALSE(decodeBase64Url("Zh"));   // bits set behind the last byte
    CHECK_FALSE(decodeBase64Url("Zm9"));  // the same with two bytes
    CHECK(decodeBase64Url("Zm8") == "fo");
}
