// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/key_set.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "unit/auth/test_tokens.hpp"

using namespace rollo::auth;
using namespace rollo::auth::tests;

namespace {

Key named(std::string kid, std::string file = {}) {
    return {.algorithm = Algorithm::hs256,
            .kid = std::move(kid),
            .material = secret,
            .file = std::move(file)};
}

}  // namespace

TEST_CASE("a weak secret is refused") {
    KeySet keys;
    CHECK_THROWS_WITH(keys.add(key(Algorithm::hs256, std::string(31, 'x'))),
                      "the HS256 secret has 31 bytes; it needs at least 32");
    CHECK_THROWS_WITH(keys.add(key(Algorithm::hs384, std::string(47, 'x'))),
                      "the HS384 secret has 47 bytes; it needs at least 48");
    CHECK_THROWS_WITH(keys.add(key(Algorithm::hs512, std::string(63, 'x'))),
                      "the HS512 secret has 63 bytes; it needs at least 64");
    CHECK(keys.keys().empty());
    keys.add(key(Algorithm::hs256, std::string(32, 'x')));
    keys.add(key(Algorithm::hs384, std::string(48, 'x')));
    keys.add(key(Algorithm::hs512, std::string(64, 'x')));
    CHECK(keys.keys().size() == 3);
}

TEST_CASE("two keys that the same token could mean are refused") {
    KeySet keys;
    keys.add(key());
    CHECK_THROWS_WITH(keys.add(key(Algorithm::hs256, std::string(40, 'y'))),
                      "there are two HS256 keys");
    keys.add(named("a", "/first"));
    CHECK_THROWS_WITH(keys.add(named("a", "/second")),
                      "there are two HS256 keys with the kid a; the other one is in /first");
    CHECK(keys.keys().size() == 2);
    CHECK(keys.find("HS256", "a") != nullptr);
    CHECK(keys.find("HS256", std::nullopt) != nullptr);
    CHECK(keys.find("HS256", "b") == nullptr);
    CHECK(keys.find("HS512", std::nullopt) == nullptr);
}

TEST_CASE("a kid can be printed, and is no longer than a line") {
    KeySet keys;
    for (const std::string& kid :
         {std::string(), std::string(257, 'k'), std::string("a\nb"), std::string("\x1b[2J"),
          std::string("a\0", 2), std::string("\x7f"), std::string("\xff")})
        CHECK_THROWS_WITH(keys.add(named(kid)),
                          "a kid is 1 to 256 bytes of UTF-8 and no control characters");
    CHECK(keys.keys().empty());
    keys.add(named(std::string(256, 'k')));
    keys.add(named("é 1"));
    CHECK(keys.find("HS256", "é 1") != nullptr);
}

TEST_CASE("there is an end to keys") {
    KeySet keys;
    for (int i = 0; i < 256; ++i) keys.add(named(std::to_string(i)));
    CHECK_THROWS_WITH(keys.add(named("one more")), "there are more than 256 keys");
    CHECK(keys.keys().size() == 256);
}
