// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/token_verifier.hpp"

#include <doctest/doctest.h>

#include "unit/auth/test_tokens.hpp"

using namespace rollo;
using namespace rollo::auth;
using namespace rollo::auth::tests;

namespace {

constexpr std::string_view goodPayload = R"({"sub":"ann","exp":1767229200,"role":"viewer"})";

TokenVerifier verifierWith(std::vector<Key> keys) {
    KeySet set;
    for (Key& each : keys) set.add(std::move(each));
    return {std::move(set), {}};
}

/// The fixed words of the refusal; empty: accepted.
std::string_view refusal(std::string_view token, const TokenVerifier& verifier) {
    const auto verified = verifier.verify(token, now());
    return verified ? "" : describe(verified.error());
}
std::string_view refusal(std::string_view token) {
    return refusal(token, verifierWith({key()}));
}

std::string_view words(TokenError error) {
    return describe(error);
}

}  // namespace

TEST_CASE("a good token makes a principal") {
    const auto principal = verifierWith({key()}).verify(tokenOf(hs256Header, goodPayload), now());
    REQUIRE(principal);
    CHECK(principal->user == "ann");
    CHECK(principal->role == "viewer");
    CHECK(principal->permissions.has(core::Permission::vmView));
    CHECK(principal->expiresAt == present + std::chrono::hours(1));
    CHECK_FALSE(principal->vms);
}

TEST_CASE("the example of RFC 7515 A.1 passes the signature check") {
    // Its key is no text and its claims lack `sub`, so the claims are what refuses it.
    const auto secretBytes = common::decodeBase64Url(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    const std::string example =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    CHECK(refusal(example, verifierWith({key(Algorithm::hs256, *secretBytes)})) ==
          words(TokenError::expired));
}

TEST_CASE("a wrong signature, payload or key is refused") {
    const std::string token = tokenOf(hs256Header, goodPayload);
    CHECK(refusal(token) == "");
    CHECK(refusal(token, verifierWith({key(Algorithm::hs256, std::string(32, 'x'))})) ==
          words(TokenError::badSignature));
    const auto signature = token.substr(token.rfind('.'));
    const std::string other = common::encodeBase64Url(hs256Header) + "." +
                              common::encodeBase64Url(R"({"sub":"eve","exp":1767229200})");
    CHECK(refusal(other + signature) == words(TokenError::badSignature));
    // Every byte of the signature counts, and so does its length.
    for (std::size_t at = token.rfind('.') + 1; at + 1 < token.size(); ++at) {
        std::string changed = token;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        CHECK(refusal(changed) == words(TokenError::badSignature));
    }
    const std::string bytes = *common::decodeBase64Url(signature.substr(1));
    const std::string input = token.substr(0, token.rfind('.') + 1);
    CHECK(refusal(input + common::encodeBase64Url(bytes.substr(0, 31))) ==
          words(TokenError::badSignature));
    CHECK(refusal(input + common::encodeBase64Url(bytes + "x")) == words(TokenError::badSignature));
}

TEST_CASE("`alg` none is refused, with and without a signature, in any spelling") {
    for (const char* none : {"none", "None", "NONE", "nOnE", ""}) {
        const std::string header = std::string(R"({"typ":"JWT","alg":")") + none + "\"}";
        CHECK(refusal(tokenOf(header, goodPayload)) == words(TokenError::unknownKey));
        const std::string input =
            common::encodeBase64Url(header) + "." + common::encodeBase64Url(goodPayload) + ".";
        CHECK(refusal(input) == words(TokenError::malformed));
    }
}

TEST_CASE("a key serves the one algorithm that it is for") {
    CHECK(refusal(tokenOf(R"({"alg":"HS512"})", goodPayload, Algorithm::hs512)) ==
          words(TokenError::unknownKey));
    CHECK(refusal(tokenOf(R"({"alg":"HS384"})", goodPayload, Algorithm::hs384)) ==
          words(TokenError::unknownKey));
    CHECK(refusal(tokenOf(R"({"alg":"hs256"})", goodPayload)) == words(TokenError::unknownKey));
    const std::string longSecret(64, 's');
    const auto both = verifierWith({key(), key(Algorithm::hs512, longSecret)});
    CHECK(refusal(tokenOf(R"({"alg":"HS512"})", goodPayload, Algorithm::hs512, longSecret), both) ==
          "");
    CHECK(refusal(tokenOf(R"({"alg":"HS512"})", goodPayload, Algorithm::hs512), both) ==
          words(TokenError::badSignature));
    CHECK(refusal(tokenOf(hs256Header, goodPayload, Algorithm::hs256, longSecret), both) ==
          words(TokenError::badSignature));
}

TEST_CASE("`kid` has to match exactly") {
    Key named = key(Algorithm::hs256, std::string(32, 'n'));
    named.kid = "second";
    const auto verifier = verifierWith({key(), named});
    const auto with = [&](std::string_view header, std::string_view material) {
        return refusal(tokenOf(header, goodPayload, Algorithm::hs256, material), verifier);
    };
    CHECK(with(R"({"alg":"HS256"})", secret) == "");
    CHECK(with(R"({"alg":"HS256","kid":"second"})", named.material) == "");
    CHECK(with(R"({"alg":"HS256","kid":"second"})", secret) == words(TokenError::badSignature));
    CHECK(with(R"({"alg":"HS256"})", named.material) == words(TokenError::badSignature));
    CHECK(with(R"({"alg":"HS256","kid":"Second"})", named.material) ==
          words(TokenError::unknownKey));
    CHECK(with(R"({"alg":"HS256","kid":""})", secret) == words(TokenError::unknownKey));
    CHECK(with(R"({"alg":"HS256","kid":1})", secret) == words(TokenError::malformed));
    CHECK(with(R"({"alg":"HS256","kid":null})", secret) == words(TokenError::malformed));
}

TEST_CASE("without a key nothing passes") {
    CHECK(refusal(tokenOf(hs256Header, goodPayload), verifierWith({})) ==
          words(TokenError::unknownKey));
}

TEST_CASE("a token has exactly three segments, none of them empty") {
    const std::string token = tokenOf(hs256Header, goodPayload);
    const std::string header = token.substr(0, token.find('.'));
    const std::string rest = token.substr(token.find('.') + 1);
    const std::string payload = rest.substr(0, rest.find('.'));
    for (const std::string& text :
         {std::string(), std::string("."), std::string(".."), std::string("..."), header,
          header + ".", header + "." + payload, header + "." + payload + ".", "." + rest,
          header + ".." + payload, token + ".", token + ".x", "." + token, "x." + token}) {
        CAPTURE(text);
        CHECK(refusal(text) == words(TokenError::malformed));
    }
}

TEST_CASE("a token is at most 4 KB long") {
    const auto padded = [](std::size_t length) {
        const std::string payload =
            R"({"sub":"ann","exp":1767229200,"x":")" + std::string(length, 'x') + "\"}";
        return tokenOf(hs256Header, payload);
    };
    std::size_t length = 2900;
    while (padded(length + 1).size() <= 4096) ++length;
    CHECK(refusal(padded(length)) == "");
    CHECK(padded(length + 1).size() > 4096);
    CHECK(refusal(padded(length + 1)) == words(TokenError::tooLong));
    CHECK(refusal(std::string(10'000'000, 'a')) == words(TokenError::tooLong));
}

TEST_CASE("a segment that is not the one base64url text of its bytes is refused") {
    const std::string token = tokenOf(hs256Header, goodPayload);
    CHECK(refusal(token + "=") == words(TokenError::malformed));
    CHECK(refusal(" " + token) == words(TokenError::malformed));
    CHECK(refusal(token + "\n") == words(TokenError::malformed));
    CHECK(refusal(token + std::string(1, '\0')) == words(TokenError::malformed));
    // 32 bytes leave two unused bits in the last character.
    std::string other = token;
    const std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    other.back() = alphabet[alphabet.find(other.back()) + 1];
    CHECK(refusal(other) == words(TokenError::malformed));
}

TEST_CASE("header and payload are JSON objects, without duplicates") {
    for (const char* header :
         {"", "{", "[]", "\"HS256\"", "null", "{\"typ\":\"JWT\"}", R"({"alg":256})",
          R"({"alg":null})", R"({"alg":"none","alg":"HS256"})", R"({"alg":"HS256"} x)"}) {
        CAPTURE(header);
        CHECK(refusal(tokenOf(header, goodPayload)) == words(TokenError::malformed));
    }
    for (const char* payload :
         {"", "{", "[]", "null", "1", R"({"sub":"ann","exp":1,"exp":1767229200})",
          R"({"sub":"ann","sub":"root","exp":1767229200})"}) {
        CAPTURE(payload);
        CHECK(refusal(tokenOf(hs256Header, payload)) == words(TokenError::malformed));
    }
}

TEST_CASE("critical extensions are refused, whatever they are") {
    for (const char* crit : {R"(["exp"])", R"(["b64"])", "[]", "null", "1"}) {
        const std::string header = std::string(R"({"alg":"HS256","crit":)") + crit + "}";
        CHECK(refusal(tokenOf(header, goodPayload)) == words(TokenError::unsupportedHeader));
    }
}
