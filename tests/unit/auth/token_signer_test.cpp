// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/token_signer.hpp"

#include <doctest/doctest.h>

#include "agent/auth/token_verifier.hpp"
#include "unit/auth/test_tokens.hpp"

using namespace rollo;
using namespace rollo::auth;
using namespace rollo::auth::tests;
using namespace std::chrono_literals;

namespace {

core::Principal verified(const TokenRequest& request, const Key& with = key(),
                         const VerifierSettings& settings = {}) {
    KeySet keys;
    keys.add(with);
    const auto principal =
        TokenVerifier(std::move(keys), settings).verify(signToken(request, with, present), now());
    REQUIRE(principal);
    return *principal;
}

}  // namespace

TEST_CASE("a signed token says what was asked for") {
    const auto principal = verified({.subject = "ann \"é\"",
                                     .roles = {"viewer", "operator"},
                                     .vms = std::vector<std::string>{"17", "web", "-x", "17a"},
                                     .issuer = "me",
                                     .audience = "rollo",
                                     .id = "1f2e",
                                     .lifetime = 90s},
                                    key(), {.issuer = "me", .audience = "rollo"});
    CHECK(principal.user == "ann \"é\"");
    CHECK(principal.tokenId == "1f2e");
    CHECK(principal.role == "operator");
    CHECK(principal.expiresAt == present + 90s);
    REQUIRE(principal.vms);
    CHECK(*principal.vms == std::vector<core::VmScope>{std::int64_t{17}, "web", "-x", "17a"});
}

TEST_CASE("what is not asked for is not in the token") {
    const auto principal = verified({.subject = "ann"});
    CHECK(principal.role == "");
    CHECK(principal.permissions.words().empty());
    CHECK_FALSE(principal.vms);
    CHECK_FALSE(principal.tokenId);
    CHECK(principal.expiresAt == present + 1h);
}

TEST_CASE("permissions and the key's id travel along") {
    Key named = key(Algorithm::hs512, std::string(64, 'z'));
    named.kid = "k1";
    const auto principal = verified(
        {.subject = "ann", .roles = {"admin"}, .permissions = std::vector<std::string>{"vm:view"}},
        named);
    CHECK(principal.role == "admin");
    CHECK(principal.permissions.words() == std::vector<std::string_view>{"vm:view"});
}
