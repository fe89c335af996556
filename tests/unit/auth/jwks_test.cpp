// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/jwks.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "agent/auth/token_verifier.hpp"
#include "unit/auth/test_jwks.hpp"
#include "unit/auth/test_tokens.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo::auth;
using namespace rollo::auth::tests;
using rollo::tests::TemporaryFolder;

namespace {

const KeyPair& rsa() {
    static const KeyPair pair = KeyPair::rsa(2048);
    return pair;
}
const KeyPair& p256() {
    static const KeyPair pair = KeyPair::ec("P-256");
    return pair;
}

/// A key set of these keys, each the members of one.
std::string setOf(const std::vector<std::string>& keys) {
    std::string text = R"({"keys":[)";
    for (const std::string& key : keys) text += (text.ends_with('[') ? "{" : ",{") + key + "}";
    return text + "]}";
}

struct File {
    TemporaryFolder folder;
    std::string path;
    explicit File(const std::string& text, unsigned mode = 0600)
        : path(folder.write("jwks.json", text, mode)) {}
};

KeySet read(const std::vector<std::string>& keys) {
    const File file(setOf(keys));
    KeySet set;
    addJwksFile(set, file.path);
    return set;
}

/// Why the file is refused, without its name; empty: taken.
std::string fileRefusal(const std::string& text, unsigned mode = 0600) {
    const File file(text, mode);
    KeySet set;
    try {
        addJwksFile(set, file.path);
        return "";
    } catch (const std::runtime_error& error) {
        const std::string what = error.what();
        REQUIRE(what.starts_with(file.path + ": "));
        return what.substr(file.path.size() + 2);
    }
}
std::string refusal(const std::vector<std::string>& keys, unsigned mode = 0600) {
    return fileRefusal(setOf(keys), mode);
}

/// Why that one key is left out, without the file's name.
std::string remark(const std::string& key) {
    const KeySet set = read({key, octMembers(secret) + R"(,"alg":"HS256")"});
    CHECK(set.keys().size() == 1);  // the other one is taken all the same
    REQUIRE(set.leftOut().size() == 1);
    return set.leftOut().front().substr(set.leftOut().front().find("keys[0]"));
}

std::string outcome(std::string_view token, KeySet keys) {
    const auto verified = TokenVerifier(std::move(keys), {}).verify(token, now());
    return verified ? "accepted" : std::string(describe(verified.error()));
}

constexpr std::string_view payload = R"({"sub":"ann","exp":1767229200})";

}  // namespace

TEST_CASE("keys of a set check what their owners sign") {
    for (const auto algorithm : {Algorithm::rs256, Algorithm::rs384, Algorithm::rs512})
        CHECK(outcome(tokenOf(algorithm, payload, rsa()),
                      read({rsaMembers(rsa()) + R"(,"alg":")" + std::string(word(algorithm)) +
                            "\""})) == "accepted");
    CHECK(outcome(tokenOf(Algorithm::es256, payload, p256()),
                  read({ecMembers(p256(), "P-256") + R"(,"alg":"ES256","use":"sig")"})) ==
          "accepted");
    for (const auto& [algorithm, crv] :
         {std::pair(Algorithm::es384, "P-384"), std::pair(Algorithm::es512, "P-521")}) {
        const KeyPair pair = KeyPair::ec(crv);
        CHECK(outcome(tokenOf(algorithm, payload, pair), read({ecMembers(pair, crv)})) ==
              "accepted");
    }
    CHECK(outcome(tokenOf(R"({"alg":"HS512","kid":"k"})", payload, Algorithm::hs512,
                          std::string(64, 'o')),
                  read({octMembers(std::string(64, 'o')) + R"(,"alg":"HS512","kid":"k")"})) ==
          "accepted");
}

TEST_CASE("each is for one algorithm: that of `alg`, of its curve, or RS256") {
    const KeySet set = read({rsaMembers(rsa()), ecMembers(p256(), "P-256"),
                             rsaMembers(rsa()) + R"(,"alg":"RS512","kid":"a")"});
    CHECK(set.find("RS256", std::nullopt) != nullptr);
    CHECK(set.find("ES256", std::nullopt) != nullptr);
    CHECK(set.find("RS512", "a") != nullptr);
    CHECK(set.find("RS256", "a") == nullptr);
    CHECK(set.find("RS384", std::nullopt) == nullptr);
    CHECK(set.keys().size() == 3);
    CHECK(outcome(tokenOf(Algorithm::rs512, payload, rsa()), set) ==
          describe(TokenError::unknownKey));
}

TEST_CASE("the keys of RFC 7517 A.1: one is for encryption, one is taken") {
    const std::string n =
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJE"
        "CPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q"
        "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6"
        "WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    const std::string example = R"({"keys":[
        {"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
         "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
        {"kty":"RSA","e":"AQAB","alg":"RS256","kid":"2011-04-29","n":")" +
                                n + "\"}]}";
    const File file(example, 0644);
    KeySet set;
    addJwksFile(set, file.path);
    CHECK(set.keys().size() == 1);
    CHECK(set.find("RS256", "2011-04-29") != nullptr);
    CHECK(set.leftOut() ==
          std::vector{file.path + ": keys[0] is left out: it is not for signatures"});
}

TEST_CASE("the signatures of RFC 7515 A.1, A.2 and A.3 hold with the keys given there") {
    // Their claims are of 2011, and they name nobody: that is what refuses them.
    const std::string claims =
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ.";
    const KeySet set = read(
        {R"("kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75a)"
         R"(KtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")",
         R"("kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddx)"
         R"(HmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47s)"
         R"(oMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtd)"
         R"(VMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kz)"
         R"(k2PAcDTW9gb54h4FRWyuXpoQ")",
         R"("kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
         R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")"});
    const std::string expired(describe(TokenError::expired));
    CHECK(outcome("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" + claims +
                      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
                  set) == expired);
    CHECK(outcome("eyJhbGciOiJSUzI1NiJ9" + claims +
                      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Q"
                      "c_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTy"
                      "WzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwu"
                      "sC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5A"
                      "XLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
                  set) == expired);
    const std::string es256 =
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQ"
        "xfKTUJqPP3-Kg6NU1Q";
    CHECK(outcome("eyJhbGciOiJFUzI1NiJ9" + claims + es256, set) == expired);
    CHECK(outcome("eyJhbGciOiJFUzI1NiJ9" + claims + "E" + es256.substr(1), set) ==
          describe(TokenError::badSignature));
}

TEST_CASE("keys that are not for us are left out, and said so") {
    const std::string rsaKey = rsaMembers(rsa());
    CHECK(remark(
              R"("kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")") ==
          "keys[0] is left out: its kty is none of RSA, EC and oct");
    CHECK(remark(rsaKey + R"(,"use":"enc")") == "keys[0] is left out: it is not for signatures");
    CHECK(remark(rsaKey + R"(,"key_ops":["encrypt","sign"])") ==
          "keys[0] is left out: it is not for signatures");
    for (const char* alg : {"PS256", "EdDSA", "RSA-OAEP", "none", "rs256", ""})
        CHECK(remark(rsaKey + R"(,"alg":")" + alg + "\"") ==
              "keys[0] is left out: its alg is none that the agent knows");
    CHECK(remark(octMembers(secret)) == "keys[0] is left out: it has no alg");
    CHECK(remark(ecMembers(KeyPair::ec("secp256k1"), "secp256k1")) ==
          "keys[0] is left out: its crv is none of P-256, P-384 and P-521");
    // And one that is for both is for us.
    CHECK(read({rsaKey + R"(,"use":"sig","key_ops":["verify"])"}).keys().size() == 1);
}

TEST_CASE("a private key in the set is refused, whatever it is for") {
    const std::string expected = "keys[1]: is a private key; only its public half belongs here";
    const std::string good = ecMembers(p256(), "P-256");
    for (const char* member : {"d", "p", "q", "dp", "dq", "qi", "oth"})
        CHECK(refusal({good, rsaMembers(rsa()) + ",\"" + member + R"(":"AQAB","alg":"RS512")"}) ==
              expected);
    CHECK(refusal({good, ecMembers(p256(), "P-256") + R"(,"d":"AQAB","use":"enc")"}) == expected);
    CHECK(refusal({good, R"("kty":"OKP","crv":"Ed25519","d":"AQAB")"}) == expected);
}

TEST_CASE("a key that is no good spoils the set, and is named by its place") {
    const std::string good = ecMembers(p256(), "P-256");
    CHECK(refusal({good, rsaMembers(KeyPair::rsa(1024))}) ==
          "keys[1]: the RS256 key has 1024 bits; RSA needs at least 2048");
    CHECK(refusal({octMembers("hunter2") + R"(,"alg":"HS256")"}) ==
          "keys[0]: the HS256 secret has 7 bytes; it needs at least 32");
    CHECK(refusal({good + R"(,"alg":"ES384")"}) == "keys[0]: its alg does not go with its crv");
    CHECK(refusal({ecMembers(KeyPair::ec("secp256k1"), "secp256k1") + R"(,"alg":"ES256")"}) ==
          "keys[0]: its alg does not go with its crv");
    // A point on another curve, or on none.
    CHECK(refusal({ecMembers(KeyPair::ec("secp256k1"), "P-256")}) ==
          "keys[0]: is no point on its curve");
    CHECK(refusal({ecMembers(KeyPair::ec("P-384"), "P-256")}) ==
          "keys[0]: has coordinates of another length than its curve's");
    CHECK(refusal({R"("kty":"RSA","e":"AQ","n":")" +
                   rollo::common::encodeBase64Url(numberOf(rsa(), OSSL_PKEY_PARAM_RSA_N)) +
                   "\""}) == "keys[0]: the RS256 key is not a sound key");
    CHECK(refusal({R"("kty":"RSA","e":"AQAB","n":")" +
                   rollo::common::encodeBase64Url(std::string(2049, 'n')) + "\""}) ==
          "keys[0]: has more than 16384 bits");
    for (const char* alg : {"HS256", "ES256"})
        CHECK(refusal({rsaMembers(rsa()) + R"(,"alg":")" + alg + "\""}) ==
              "keys[0]: its alg does not go with its kty");
    CHECK(refusal({octMembers(rsa().publicPem()) + R"(,"alg":"RS256")"}) ==
          "keys[0]: its alg does not go with its kty");
    CHECK(refusal({octMembers(rsa().publicPem()) + R"(,"alg":"HS256")"}) ==
          "keys[0]: the HS256 secret is a PEM, not a secret");
}

TEST_CASE("two keys that the same token could mean are refused") {
    const std::string named = ecMembers(p256(), "P-256") + R"(,"kid":"a")";
    CHECK(refusal({named, ecMembers(p256(), "P-256")}) == "");
    CHECK(
        refusal({named, named})
            .starts_with("keys[1]: there are two ES256 keys with the kid a; the other one is in "));
}

TEST_CASE("members have the types of RFC 7517") {
    const std::string good = rsaMembers(rsa());
    CHECK(refusal({good + R"(,"kid":7)"}) == "keys[0]: its kid is no text");
    CHECK(refusal({good + R"(,"kid":"")"}) ==
          "keys[0]: a kid is 1 to 256 bytes of UTF-8 and no control characters");
    CHECK(refusal({good + R"(,"kid":"\u001b[2J")"}) ==
          "keys[0]: a kid is 1 to 256 bytes of UTF-8 and no control characters");
    CHECK(refusal({good + R"(,"alg":null)"}) == "keys[0]: its alg is no text");
    CHECK(refusal({good + R"(,"use":["sig"])"}) == "keys[0]: its use is no text");
    CHECK(refusal({good + R"(,"key_ops":"verify")"}) == "keys[0]: its key_ops are no list");
    CHECK(refusal({R"("kid":"a")"}) == "keys[0]: it has no kty");
    CHECK(refusal({R"("kty":"RSA","n":"AQAB")"}) == "keys[0]: it has no e");
    CHECK(refusal({R"("kty":"RSA","n":"AQ==","e":"AQAB")"}) == "keys[0]: its n is not base64url");
    CHECK(refusal({R"("kty":"RSA","n":"","e":"")"}) != "");
    CHECK(refusal({R"("kty":"EC","crv":"P-256","x":1,"y":"AQ")"}) == "keys[0]: its x is no text");
    CHECK(fileRefusal(R"({"keys":[7]})") == "keys[0]: is no object");
}

TEST_CASE("a file is one key set and nothing else") {
    CHECK(fileRefusal(R"({"keys":[]})") == "");
    for (const char* text : {"[]", "{}", R"({"keys":{}})", R"({"keys":null})", "7"})
        CHECK(fileRefusal(std::string(text)) == "is no key set: an object with a list `keys`");
    for (const char* text : {"", "{", R"({"keys":[]} {})", R"({"keys":[],"keys":[]})",
                             "\xef\xbb\xbf{\"keys\":[]}", "{\"keys\":[\"\xff\"]}"}) {
        CAPTURE(text);
        CHECK(fileRefusal(std::string(text)).find("(byte ") != std::string::npos);
    }
    CHECK(fileRefusal(R"({"keys":[],"x":)" + std::string(100, '[') + std::string(100, ']') + "}") !=
          "");
    CHECK(fileRefusal(R"({"keys":[],"x":")" + std::string(1024 * 1024, 'x') + "\"}") ==
          "File too large");
}

TEST_CASE("a set with a secret is a secret, one of public keys may be read by others") {
    const std::string secretKey = octMembers(secret) + R"(,"alg":"HS256")";
    CHECK(refusal({secretKey}, 0640) == "");
    CHECK(refusal({secretKey}, 0644).starts_with("others may read or write this secret; chmod"));
    // Also one that is not taken.
    CHECK(refusal({octMembers(secret)}, 0644).starts_with("others may read"));
    CHECK(refusal({ecMembers(p256(), "P-256")}, 0644) == "");
    CHECK(refusal({ecMembers(p256(), "P-256")}, 0646).starts_with("others may write it; chmod"));
}
