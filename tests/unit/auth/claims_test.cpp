// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/claims.hpp"

#include <doctest/doctest.h>

#include "unit/auth/test_tokens.hpp"

using namespace rollo;
using namespace rollo::auth;
using namespace rollo::auth::tests;
using namespace std::chrono_literals;

namespace {

/// `more` follows a good `sub` and `exp`.
std::expected<core::Principal, TokenError> read(const std::string& claims,
                                                const VerifierSettings& settings = {},
                                                common::WallClock at = present) {
    return principalOf(*common::readJson(claims), settings, at);
}
core::Principal with(const std::string& more) {
    auto principal = read(R"({"sub":"ann","exp":1767229200,)" + more + "}");
    REQUIRE(principal);
    return *principal;
}
bool refused(const std::string& more) {
    const auto principal = read(R"({"sub":"ann","exp":1767229200,)" + more + "}");
    return !principal && principal.error() == TokenError::badClaims;
}

using Words = std::vector<std::string_view>;
constexpr auto goodClaims = R"({"sub":"ann","exp":1767229200})";
const common::WallClock expiry = present + 3600s;

}  // namespace

TEST_CASE("a token ends at `exp`, give or take the leeway") {
    const VerifierSettings settings{.leeway = 5s};
    CHECK(read(goodClaims, settings, expiry + 4999ms));
    CHECK(read(goodClaims, settings, expiry + 5s).error() == TokenError::expired);
    CHECK(read(goodClaims, {.leeway = 0s}, expiry - 1ms));
    CHECK(read(goodClaims, {.leeway = 0s}, expiry).error() == TokenError::expired);
    CHECK(read(goodClaims)->expiresAt == expiry);
}

TEST_CASE("`exp` is required and an integer") {
    CHECK(read(R"({"sub":"ann"})").error() == TokenError::badClaims);
    for (const char* exp : {"\"1767229200\"", "1767229200.5", "1767229200.0", "null", "true",
                            "[1767229200]", "1e30", "9223372036854775808"}) {
        CAPTURE(exp);
        const auto claims = std::string(R"({"sub":"ann","exp":)") + exp + "}";
        CHECK(read(claims).error() == TokenError::badClaims);
    }
    CHECK(read(R"({"sub":"ann","exp":0})").error() == TokenError::expired);
    CHECK(read(R"({"sub":"ann","exp":-1})").error() == TokenError::expired);
    CHECK(read(R"({"sub":"ann","exp":-9223372036854775808})").error() == TokenError::expired);
}

TEST_CASE("an `exp` beyond all clocks does not overflow") {
    const auto principal =
        read(R"({"sub":"ann","exp":9223372036854775807})", {.maxLifetime = 200 * 366 * 24h});
    REQUIRE(principal);
    CHECK(*principal->expiresAt > present + 24h * 365 * 100);
    CHECK(*principal->expiresAt + 24h * 365 > *principal->expiresAt);
}

TEST_CASE("a token begins at `nbf`, give or take the leeway") {
    const auto claims = R"({"sub":"ann","exp":1767229200,"nbf":1767225660})";
    CHECK(read(claims, {.leeway = 5s}, present + 54999ms).error() == TokenError::notYetValid);
    CHECK(read(claims, {.leeway = 5s}, present + 55s));
    CHECK(refused(R"("nbf":"1767225660")"));
    CHECK(refused(R"("nbf":1.5)"));
    CHECK(refused(R"("nbf":null)"));
}

TEST_CASE("a token is valid for at most the longest lifetime, from now and from `iat`") {
    const VerifierSettings settings{.leeway = 5s, .maxLifetime = 3600s};
    const auto lasting = [&](std::chrono::seconds left, const std::string& more = "") {
        const auto exp =
            std::chrono::duration_cast<std::chrono::seconds>((present + left).time_since_epoch())
                .count();
        return read(R"({"sub":"ann","exp":)" + std::to_string(exp) + more + "}", settings);
    };
    CHECK(lasting(3600s));
    CHECK(lasting(3605s));
    CHECK(lasting(3606s).error() == TokenError::tooLongLived);
    CHECK(lasting(24h * 365 * 150).error() == TokenError::tooLongLived);
    // Ten minutes before its end, but made an hour and a bit before that.
    CHECK(lasting(600s, R"(,"iat":1767222600)"));
    CHECK(lasting(600s, R"(,"iat":1767222599)").error() == TokenError::tooLongLived);
    CHECK(lasting(600s, R"(,"iat":-9223372036854775808)").error() == TokenError::tooLongLived);
    // To say that it is made later makes it no longer.
    CHECK(lasting(3606s, R"(,"iat":1767229206)").error() == TokenError::tooLongLived);
    CHECK(lasting(600s, R"(,"iat":9223372036854775807)"));
    for (const char* iat : {R"(,"iat":"1767222600")", R"(,"iat":1.5)", R"(,"iat":null)"})
        CHECK(lasting(600s, iat).error() == TokenError::badClaims);
    // What is over is over, whatever else is wrong.
    CHECK(lasting(-6s, R"(,"iat":0)").error() == TokenError::expired);
}

TEST_CASE("`jti` is a text of bounded length, if it is there") {
    CHECK(with(R"("jti":"1f2e")").tokenId == "1f2e");
    CHECK_FALSE(with(R"("x":1)").tokenId);
    const std::string longest(256, 'x');
    CHECK(with(R"("jti":")" + longest + "\"").tokenId == longest);
    for (const std::string& jti : {std::string("1"), std::string("null"), std::string("\"\""),
                                   std::string("[\"a\"]"), '"' + longest + "x\""})
        CHECK(refused(R"("jti":)" + jti));
}

TEST_CASE("`sub` is required and a text of bounded length") {
    CHECK(read(R"({"exp":1767229200})").error() == TokenError::badClaims);
    for (const std::string& sub : {std::string("\"\""), std::string("1"), std::string("null"),
                                   std::string("[\"ann\"]"), '"' + std::string(257, 'x') + '"'}) {
        const auto claims = R"({"exp":1767229200,"sub":)" + sub + "}";
        CHECK(read(claims).error() == TokenError::badClaims);
    }
    const std::string longest(256, 'x');
    CHECK(read(R"({"exp":1767229200,"sub":")" + longest + "\"}")->user == longest);
}

TEST_CASE("`iss` is checked where one is configured") {
    const VerifierSettings settings{.issuer = "https://id.example"};
    const auto issued = [&](const std::string& iss) {
        return read(R"({"sub":"ann","exp":1767229200,"iss":)" + iss + "}", settings);
    };
    CHECK(issued("\"https://id.example\""));
    CHECK(issued("\"https://id.example/\"").error() == TokenError::wrongIssuer);
    CHECK(issued("null").error() == TokenError::wrongIssuer);
    CHECK(issued("[\"https://id.example\"]").error() == TokenError::wrongIssuer);
    CHECK(read(goodClaims, settings).error() == TokenError::wrongIssuer);
    CHECK(with(R"("iss":"anybody")").user == "ann");
}

TEST_CASE("`aud` is checked where one is configured: a text or a list that has it") {
    const VerifierSettings settings{.audience = "rollo"};
    const auto meant = [&](const std::string& aud) {
        return read(R"({"sub":"ann","exp":1767229200,"aud":)" + aud + "}", settings);
    };
    CHECK(meant("\"rollo\""));
    CHECK(meant(R"(["other","rollo"])"));
    CHECK(meant(R"([1,"rollo"])"));
    for (const char* aud :
         {"\"other\"", "[]", R"(["other"])", "null", "1", R"({"rollo":true})", R"([["rollo"]])"})
        CHECK(meant(aud).error() == TokenError::wrongAudience);
    CHECK(read(goodClaims, settings).error() == TokenError::wrongAudience);
    CHECK(with(R"("aud":"anybody")").user == "ann");
}

TEST_CASE("a role grants what its row says, an unknown one nothing") {
    CHECK(with(R"("role":"viewer")").permissions.words() == Words{"vm:view", "server:view"});
    CHECK(with(R"("role":"operator")").permissions.has(core::Permission::consoleWrite));
    CHECK(with(R"("role":"admin")").permissions.has(core::Permission::eventsPublish));
    CHECK(with(R"("role":"admin")").role == "admin");
    for (const char* role :
         {R"("role":"root")", R"("role":"Admin")", R"("role":"")", R"("roles":[])", R"("x":1)"}) {
        CAPTURE(role);
        CHECK(with(role).permissions.words().empty());
        CHECK(with(role).role == "");
    }
    for (const char* role : {R"("role":1)", R"("role":null)", R"("role":["admin"])",
                             R"("roles":"admin")", R"("roles":[1])", R"("roles":null)"})
        CHECK(refused(role));
}

TEST_CASE("several roles grant their union, and the highest is shown") {
    const auto principal = with(R"("roles":["operator","unknown","viewer"])");
    CHECK(principal.role == "operator");
    CHECK(principal.permissions == with(R"("role":"operator")").permissions);
    CHECK(with(R"("role":"viewer","roles":["admin"])").role == "admin");
}

TEST_CASE("`permissions` replaces what the role grants") {
    const auto principal =
        with(R"("role":"admin","permissions":["vm:view","fly","console:read","VM:VIEW"])");
    CHECK(principal.permissions.words() == Words{"vm:view", "console:read"});
    CHECK(with(R"("role":"admin","permissions":[])").permissions.words().empty());
    CHECK(with(R"("permissions":["stats:view"])").permissions.words() == Words{"stats:view"});
    for (const char* permissions : {R"("permissions":"vm:view")", R"("permissions":[1])",
                                    R"("permissions":null)", R"("permissions":{"vm:view":true})"})
        CHECK(refused(permissions));
}

TEST_CASE("`vms` bounds what exists: integers, UUIDs and names") {
    const auto principal =
        with(R"("role":"viewer","vms":[17,"6BA7B810-9dad-11d1-80b4-00c04fd430c8","web","17"])");
    REQUIRE(principal.vms);
    REQUIRE(principal.vms->size() == 4);
    CHECK(std::get<proto::VmId>(principal.vms->at(0)) == 17);
    CHECK(std::get<proto::Uuid>(principal.vms->at(1)).toString() ==
          "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    CHECK(std::get<std::string>(principal.vms->at(2)) == "web");
    CHECK(std::get<std::string>(principal.vms->at(3)) == "17");
    CHECK(principal.mayView({.id = 17, .uuid = {}, .name = "x", .idFromPlatform = true}));
    CHECK_FALSE(principal.mayView({.id = 17, .uuid = {}, .name = "x", .idFromPlatform = false}));
    CHECK(principal.mayView({.id = 1, .uuid = {}, .name = "web", .idFromPlatform = false}));
    CHECK_FALSE(principal.mayViewServer());
}

TEST_CASE("an empty `vms` sees nothing, one of a wrong type is refused") {
    const auto principal = with(R"("role":"admin","vms":[])");
    REQUIRE(principal.vms);
    CHECK_FALSE(principal.mayView({.id = 1, .uuid = {}, .name = "a", .idFromPlatform = true}));
    for (const char* vms : {R"("vms":null)", R"("vms":"web")", R"("vms":17)", R"("vms":{})",
                            R"("vms":[1.5])", R"("vms":[null])", R"("vms":[["web"]])",
                            R"("vms":[18446744073709551616])", R"("vms":[true])"}) {
        CAPTURE(vms);
        CHECK(refused(vms));
    }
}
