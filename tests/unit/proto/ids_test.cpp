// SPDX-License-Identifier: Apache-2.0
#include "proto/ids.hpp"

#include <doctest/doctest.h>

#include <unordered_set>

using rollo::proto::Uuid;

namespace {

constexpr std::string_view text = "01234567-89ab-cdef-fedc-ba9876543210";

}  // namespace

TEST_CASE("a UUID is read into its bytes and written as it was") {
    const auto uuid = Uuid::parse(text);
    REQUIRE(uuid);
    CHECK(uuid->bytes[0] == 0x01);
    CHECK(uuid->bytes[5] == 0xab);
    CHECK(uuid->bytes[15] == 0x10);
    CHECK(uuid->toString() == text);
}

TEST_CASE("a UUID in upper case is the same one, and leaves in lower case") {
    const auto upper = Uuid::parse("01234567-89AB-CDEF-FEDC-BA9876543210");
    REQUIRE(upper);
    CHECK(upper == Uuid::parse(text));
    CHECK(upper->toString() == text);
}

TEST_CASE("nothing but the canonical form is a UUID") {
    for (const std::string_view bad :
         {"", "0", "0123456789abcdeffedcba9876543210", "01234567-89ab-cdef-fedc-ba987654321",
          "01234567-89ab-cdef-fedc-ba98765432100", "{01234567-89ab-cdef-fedc-ba9876543210}",
          " 01234567-89ab-cdef-fedc-ba987654321", "0123456-789ab-cdef-fedc-ba9876543210",
          "01234567-89ab-cdef-fedcb-a9876543210", "01234567_89ab_cdef_fedc_ba9876543210",
          "g1234567-89ab-cdef-fedc-ba9876543210", "01234567-89ab-cdef-fedc-ba987654321g",
          "-1234567-89ab-cdef-fedc-ba9876543210", "+1234567-89ab-cdef-fedc-ba9876543210",
          "0x234567-89ab-cdef-fedc-ba9876543210", "01234567-89ab-cdef-fedc-ba98765432\xc3\xa4",
          "------------------------------------"}) {
        CAPTURE(bad);
        CHECK_FALSE(Uuid::parse(bad));
    }
    CHECK_FALSE(Uuid::parse(std::string_view("01234567-89ab-cdef-fedc-ba987654321\0", 36)));
}

TEST_CASE("UUIDs are ordered and hashed by all their bytes") {
    std::unordered_set<Uuid> different;
    for (std::size_t i = 0; i < 16; ++i) {
        Uuid uuid;
        uuid.bytes[i] = 1;
        different.insert(uuid);
        CHECK(Uuid{} < uuid);
    }
    CHECK(different.size() == 16);
}
