// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "agent/auth/token_verifier.hpp"
#include "unit/auth/test_keys.hpp"
#include "unit/auth/test_tokens.hpp"

// What libjwt alone lets through, or what would break it. Each of these differs in one thing from a
// token that is taken.

using namespace rollo;
using namespace rollo::auth;
using namespace rollo::auth::tests;

namespace {

const std::string goodPayload = R"({"sub":"ann","exp":1767229200,"role":"viewer"})";
const std::string accepted = "accepted";
const std::string namedSecret(40, 'n');

const KeyPair& rsa() {
    static const KeyPair pair = KeyPair::rsa(2048);
    return pair;
}
const KeyPair& p256() {
    static const KeyPair pair = KeyPair::ec("P-256");
    return pair;
}
const KeyPair& p384() {
    static const KeyPair pair = KeyPair::ec("P-384");
    return pair;
}
const KeyPair& p521() {
    static const KeyPair pair = KeyPair::ec("P-521");
    return pair;
}

Key keyWith(Algorithm algorithm, std::string material, std::optional<std::string> kid = {}) {
    return {.algorithm = algorithm, .kid = std::move(kid), .material = std::move(material)};
}

TokenVerifier verifierWith(std::vector<Key> keys) {
    KeySet set;
    for (Key& each : keys) set.add(std::move(each));
    return {std::move(set), {}};
}

/// One key of each kind without a `kid`, and two with one.
const TokenVerifier& everyKind() {
    static const TokenVerifier verifier = verifierWith({
        keyWith(Algorithm::hs256, secret),
        keyWith(Algorithm::rs256, rsa().publicPem()),
        keyWith(Algorithm::es256, p256().publicPem()),
        keyWith(Algorithm::hs256, namedSecret, "named"),
        keyWith(Algorithm::rs512, rsa().publicPem(), "portal"),
    });
    return verifier;
}

std::string outcome(std::string_view token, const TokenVerifier& verifier = everyKind()) {
    const auto verified = verifier.verify(token, now());
    return verified ? accepted : std::string(describe(verified.error()));
}
std::string words(TokenError error) {
    return std::string(describe(error));
}

/// Signed with the secret, whatever the header says.
std::string hmacToken(std::string_view header, std::string_view payload = goodPayload) {
    return tokenOf(header, payload);
}

struct Hostile {
    std::string what;
    std::string token;
    TokenError expected;
};

void check(const std::vector<Hostile>& list) {
    for (const auto& [what, token, expected] : list) {
        CAPTURE(what);
        CHECK(outcome(token) == words(expected));
    }
}

struct Claims {
    std::string text;
    TokenError expected;
};

void check(const std::vector<Claims>& list) {
    for (const auto& [text, expected] : list) {
        CAPTURE(text);
        CHECK(outcome(hmacToken(hs256Header, text)) == words(expected));
    }
}

std::string nested(std::size_t depth) {
    return R"({"sub":"ann","exp":1767229200,"x":)" + std::string(depth - 1, '[') +
           std::string(depth - 1, ']') + "}";
}

}  // namespace

TEST_CASE("a token of each algorithm is taken with its own key") {
    CHECK(outcome(hmacToken(hs256Header)) == accepted);
    CHECK(outcome(tokenOf(Algorithm::rs256, goodPayload, rsa())) == accepted);
    CHECK(outcome(tokenOf(Algorithm::es256, goodPayload, p256())) == accepted);
    const std::string longSecret(64, 'l');
    for (const auto algorithm : {Algorithm::hs384, Algorithm::hs512})
        CHECK(outcome(tokenOf(R"({"alg":")" + std::string(word(algorithm)) + "\"}", goodPayload,
                              algorithm, longSecret),
                      verifierWith({keyWith(algorithm, longSecret)})) == accepted);
    for (const auto algorithm : {Algorithm::rs384, Algorithm::rs512})
        CHECK(outcome(tokenOf(algorithm, goodPayload, rsa()),
                      verifierWith({keyWith(algorithm, rsa().publicPem())})) == accepted);
    CHECK(outcome(tokenOf(Algorithm::es384, goodPayload, p384()),
                  verifierWith({keyWith(Algorithm::es384, p384().publicPem())})) == accepted);
    CHECK(outcome(tokenOf(Algorithm::es512, goodPayload, p521()),
                  verifierWith({keyWith(Algorithm::es512, p521().publicPem())})) == accepted);
    CHECK(outcome(tokenOf(R"({"alg":"HS256","kid":"named"})", goodPayload, Algorithm::hs256,
                          namedSecret)) == accepted);
}

TEST_CASE("a public key is no secret") {
    const std::string pem = rsa().publicPem();
    const auto with = [&](std::string_view header) {
        return tokenOf(header, goodPayload, Algorithm::hs256, pem);
    };
    check({{"the PEM as an HS256 secret", with(hs256Header), TokenError::badSignature},
           {"by the `kid` of the RSA key", with(R"({"alg":"HS256","kid":"portal"})"),
            TokenError::unknownKey},
           {"an HMAC that calls itself RS256", with(R"({"alg":"RS256"})"),
            TokenError::badSignature}});
    CHECK(outcome(with(hs256Header), verifierWith({keyWith(Algorithm::rs256, pem)})) ==
          words(TokenError::unknownKey));
}

TEST_CASE("a signature is that of the algorithm that the key is pinned to") {
    const std::string es256 = tokenOf(Algorithm::es256, goodPayload, p256());
    const std::string input = es256.substr(0, es256.rfind('.'));
    const auto signedAs = [&](const std::string& signature) {
        return input + "." + common::encodeBase64Url(signature);
    };
    check({
        {"HS512 with the HS256 secret",
         tokenOf(R"({"alg":"HS512"})", goodPayload, Algorithm::hs512), TokenError::unknownKey},
        {"RS512 with the key of RS256", tokenOf(Algorithm::rs512, goodPayload, rsa()),
         TokenError::unknownKey},
        {"RS256 of somebody else", tokenOf(Algorithm::rs256, goodPayload, KeyPair::rsa(2048)),
         TokenError::badSignature},
        {"RS256 of RSA-1024", tokenOf(Algorithm::rs256, goodPayload, KeyPair::rsa(1024)),
         TokenError::badSignature},
        {"ES384 with a P-256 key", tokenOf(Algorithm::es384, goodPayload, p256()),
         TokenError::unknownKey},
        {"ES256 with a P-384 key", tokenOf(Algorithm::es256, goodPayload, p384()),
         TokenError::badSignature},
        {"ES256 of somebody else", tokenOf(Algorithm::es256, goodPayload, KeyPair::ec("P-256")),
         TokenError::badSignature},
        {"ES256 as DER", signedAs(p256().sign(EVP_sha256(), input)), TokenError::badSignature},
        {"ES256 of zeros", signedAs(std::string(64, '\0')), TokenError::badSignature},
        {"ES256 of one byte", signedAs("x"), TokenError::badSignature},
    });
    // The other way round the key set has none for ES384 that is on another curve.
    KeySet keys;
    CHECK_THROWS(keys.add(keyWith(Algorithm::es384, p256().publicPem())));
    CHECK_THROWS(keys.add(keyWith(Algorithm::rs256, KeyPair::rsa(1024).publicPem())));
}

TEST_CASE("without a key nothing is taken, signed or not") {
    const std::string token = hmacToken(hs256Header);
    KeySet keys;
    for (const auto algorithm : {Algorithm::hs256, Algorithm::rs256, Algorithm::es256})
        CHECK_THROWS(keys.add(keyWith(algorithm, "")));
    CHECK_THROWS(keys.add(keyWith(Algorithm::hs256, "x")));
    const TokenVerifier none(keys, {});
    CHECK(outcome(token, none) == words(TokenError::unknownKey));
    CHECK(outcome(tokenOf(hs256Header, goodPayload, Algorithm::hs256, ""), none) ==
          words(TokenError::unknownKey));
    CHECK(outcome(tokenOf(hs256Header, goodPayload, Algorithm::hs256, "")) ==
          words(TokenError::badSignature));
    CHECK(outcome(token.substr(0, token.rfind('.') + 1), none) == words(TokenError::malformed));
}

TEST_CASE("`alg` names an algorithm as RFC 7518 spells it") {
    std::vector<Hostile> list;
    for (const char* alg : {"none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", " HS256",
                            "HS256\\u0000", "PS256", "EdDSA", "HS1", "dir"})
        list.push_back(
            {alg, hmacToken(std::string(R"({"alg":")") + alg + "\"}"), TokenError::unknownKey});
    for (const char* alg : {"null", "256", "[\"HS256\"]", "{}", "true"})
        list.push_back(
            {alg, hmacToken(std::string(R"({"alg":)") + alg + "}"), TokenError::malformed});
    check(list);
}

TEST_CASE("`kid` is that of a key of the same algorithm") {
    std::vector<Hostile> list;
    for (const char* kid : {"unknown", "", "Named", "named\\u0000", "portal", "../named"})
        list.push_back({kid, hmacToken(std::string(R"({"alg":"HS256","kid":")") + kid + "\"}"),
                        TokenError::unknownKey});
    list.push_back({"the key without a `kid`", hmacToken(R"({"alg":"HS256","kid":"named"})"),
                    TokenError::badSignature});
    list.push_back({"the key with a `kid`",
                    tokenOf(hs256Header, goodPayload, Algorithm::hs256, namedSecret),
                    TokenError::badSignature});
    check(list);
}

TEST_CASE("the header is read once, strictly, and understood whole") {
    check({
        {"an unknown critical extension", hmacToken(R"({"alg":"HS256","crit":["x"],"x":1})"),
         TokenError::unsupportedHeader},
        {"`alg` twice, the good one last", hmacToken(R"({"alg":"none","alg":"HS256"})"),
         TokenError::malformed},
        {"`alg` twice, the good one first", hmacToken(R"({"alg":"HS256","alg":"none"})"),
         TokenError::malformed},
        {"`alg` twice by an escape", hmacToken(R"({"alg":"HS256","\u0061lg":"none"})"),
         TokenError::malformed},
        {"`kid` twice", hmacToken(R"({"alg":"HS256","kid":"named","kid":"x"})"),
         TokenError::malformed},
        {"a NUL after it", hmacToken(std::string(hs256Header) + '\0'), TokenError::malformed},
        {"a NUL in it", hmacToken(std::string("{\"alg\":\"HS256\0\"}", 17)), TokenError::malformed},
        {"a byte order mark", hmacToken("\xef\xbb\xbf" + std::string(hs256Header)),
         TokenError::malformed},
        {"a comment", hmacToken(R"({"alg":"HS256"/**/})"), TokenError::malformed},
    });
}

TEST_CASE("the payload is read once, and strictly") {
    const std::string_view exp = R"(,"exp":1767229200)";
    const auto subject = [&](std::string_view sub) {
        return std::string(R"({"sub":")").append(sub).append("\"").append(exp).append("}");
    };
    CHECK(outcome(hmacToken(hs256Header, subject("\xc3\xa9"))) == accepted);
    check(std::vector<Claims>{
        {R"({"sub":"ann","exp":1767225000,"exp":1767229200})", TokenError::malformed},
        {R"({"sub":"ann","sub":"root","exp":1767229200})", TokenError::malformed},
        {R"({"sub":"ann","\u0073ub":"root","exp":1767229200})", TokenError::malformed},
        {R"({"sub":"ann","exp":1767229200,"role":"viewer","role":"admin"})", TokenError::malformed},
        {R"({"sub":"ann","exp":1767229200,"x":{"a":1,"a":2}})", TokenError::malformed},
        {subject("\xff"), TokenError::malformed},
        {subject("\xc0\xaf"), TokenError::malformed},          // overlong
        {subject("\xed\xa0\x80"), TokenError::malformed},      // a surrogate
        {subject("\xf4\x90\x80\x80"), TokenError::malformed},  // beyond Unicode
        {subject("\\ud800"), TokenError::malformed},
        {subject(std::string_view("a\0b", 3)), TokenError::malformed},
        {goodPayload + '\0', TokenError::malformed},
        {goodPayload + goodPayload, TokenError::malformed},
        {subject("a\nb"), TokenError::malformed},
    });
}

TEST_CASE("a NUL in a name is no end of it") {
    // Whoever looked at it as a C string would see ann.
    CHECK(outcome(hmacToken(hs256Header, R"({"sub":"ann\u0000x","exp":1767229200})")) != accepted);
}

TEST_CASE("a deep or wide payload is refused before it costs anything") {
    CHECK(outcome(hmacToken(hs256Header, nested(8))) == accepted);
    CHECK(outcome(hmacToken(hs256Header, nested(9))) == words(TokenError::malformed));
    CHECK(outcome(hmacToken(hs256Header, nested(1400))) == words(TokenError::malformed));
    CHECK(outcome(hmacToken(hs256Header, std::string(3000, '['))) == words(TokenError::malformed));
    const auto wide = [](std::size_t entries) {
        std::string list = "0";
        for (std::size_t i = 1; i < entries; ++i) list += ",0";
        return R"({"sub":"ann","exp":1767229200,"x":[)" + list + "]}";
    };
    CHECK(outcome(hmacToken(hs256Header, wide(1000))) == accepted);
    CHECK(outcome(hmacToken(hs256Header, wide(1100))) == words(TokenError::malformed));
}

TEST_CASE("`exp` is an integer in the future") {
    const auto expires = [](const char* exp) {
        return std::string(R"({"sub":"ann","exp":)") + exp + "}";
    };
    CHECK(outcome(hmacToken(hs256Header, expires("9223372036854775807"))) ==
          words(TokenError::tooLongLived));
    // libjwt's own reader knows no such integer either.
    CHECK(outcome(hmacToken(hs256Header, expires("9223372036854775808"))) != accepted);
    check(std::vector<Claims>{{R"({"sub":"ann"})", TokenError::badClaims},
                              {expires("\"1767229200\""), TokenError::badClaims},
                              {expires("1767229200.5"), TokenError::badClaims},
                              {expires("1.7672292e9"), TokenError::badClaims},
                              {expires("null"), TokenError::badClaims},
                              {expires("1e300"), TokenError::badClaims},
                              {expires("1e400"), TokenError::malformed},
                              {expires("1767225595"), TokenError::expired},
                              {expires("0"), TokenError::expired},
                              {expires("-1"), TokenError::expired},
                              {expires("-9223372036854775808"), TokenError::expired}});
}

TEST_CASE("a token is three segments of base64url, none of them empty") {
    const std::string token = hmacToken(hs256Header, R"({"sub":"???>>>","exp":1767229200})");
    REQUIRE(token.find_first_of("-_") != token.npos);
    REQUIRE(outcome(token) == accepted);
    std::string standard = token;  // base64, not base64url
    for (char& c : standard) c = c == '-' ? '+' : c == '_' ? '/' : c;
    const auto first = token.find('.');
    const auto last = token.rfind('.');
    std::vector<Hostile> list{
        {"standard base64", standard, TokenError::malformed},
        {"padding of the header", token.substr(0, first) + "=" + token.substr(first),
         TokenError::malformed},
        {"padding of the signature", token + "=", TokenError::malformed},
        {"a line break inside", token.substr(0, 20) + "\n" + token.substr(20),
         TokenError::malformed},
        {"a NUL inside", token.substr(0, 20) + '\0' + token.substr(20), TokenError::malformed},
        {"a NUL and more", token + '\0' + "x", TokenError::malformed},
        {"a byte over 127", token.substr(0, 20) + "\xc3\xa9" + token.substr(22),
         TokenError::malformed},
        {"no signature", token.substr(0, last + 1), TokenError::malformed},
        {"no payload", token.substr(0, first + 1) + token.substr(last), TokenError::malformed},
        {"no header", token.substr(first), TokenError::malformed},
        {"four segments", token + token.substr(last), TokenError::malformed},
        {"five, as an encrypted one has", token + ".x.y", TokenError::malformed},
        {"over 4 KB", token + std::string(4097 - token.size(), 'A'), TokenError::tooLong},
    };
    for (const char* text : {"", ".", "..", "...", "a", "a.", ".a", "a.b", "a..", "..a", "a..b"})
        list.push_back({text, text, TokenError::malformed});
    check(list);
}
