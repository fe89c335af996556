// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "agent/auth/token_verifier.hpp"
#include "common/json_reader.hpp"
#include "common/random.hpp"
#include "tests/fuzz/check.hpp"
#include "tests/unit/auth/test_keys.hpp"
#include "tests/unit/auth/test_tokens.hpp"

/// Tokens. The first byte says what the rest is:
///   `r`       a token, of whoever has none of our keys: never accepted;
///   `h`       header, NUL, payload: signed with the HS256 key, whatever the header says;
///   `t`       where (two bytes) which byte is put into a token with that payload: never accepted;
///   `0` to `8` a payload, signed with the key of that algorithm.
namespace rollo::fuzz {
namespace {

using namespace auth;
using auth::tests::KeyPair;
using common::Json;

constexpr std::string_view issuer = "https://id.example";
constexpr std::string_view audience = "rollo";
constexpr std::chrono::seconds leeway{5};

constexpr std::array algorithms{Algorithm::hs256, Algorithm::hs384, Algorithm::hs512,
                                Algorithm::rs256, Algorithm::rs384, Algorithm::rs512,
                                Algorithm::es256, Algorithm::es384, Algorithm::es512};

/// Of every algorithm one key, made anew in each run: none can be known.
struct Keys {
    std::string secret = common::randomHex(32);  // 64 characters: enough for all three
    KeyPair rsa = KeyPair::rsa(2048);
    std::array<KeyPair, 3> curves{KeyPair::ec("P-256"), KeyPair::ec("P-384"), KeyPair::ec("P-521")};
    TokenVerifier verifier{
        keySet(),
        {.issuer = std::string(issuer), .audience = std::string(audience), .leeway = leeway}};
    /// The same keys, for somebody else's tokens.
    TokenVerifier other{keySet(), {.audience = "another"}};

    std::string sign(Algorithm algorithm, std::string_view payload) const {
        if (leastSecret(algorithm)) {
            const std::string header = R"({"alg":")" + std::string(word(algorithm)) + "\"}";
            return tests::tokenOf(header, payload, algorithm, secret);
        }
        return tests::tokenOf(algorithm, payload, pairOf(algorithm));
    }

  private:
    const KeyPair& pairOf(Algorithm algorithm) const {
        const auto index = static_cast<std::size_t>(algorithm);
        return index < 6 ? rsa : curves[index - 6];
    }
    KeySet keySet() const {
        KeySet set;
        for (const auto algorithm : algorithms)
            set.add({.algorithm = algorithm,
                     .kid = std::nullopt,
                     .material = leastSecret(algorithm) ? secret : pairOf(algorithm).publicPem()});
        return set;
    }
};

bool isText(const Json* claim, std::string_view expected) {
    return claim && claim->string() && *claim->string() == expected;
}

/// What RFC 7519 and PROTOCOL.md say of a token that is let in, said a second time.
void demandGood(const std::string& payload, const core::Principal& principal) {
    const auto claims = common::readJson(payload);
    demand(claims && claims->object(), "claims are an object");
    const Json* subject = claims->find("sub");
    demand(subject && subject->string() && !subject->string()->empty() &&
               subject->string()->size() <= 256,
           "there is a user");
    demand(principal.user == *subject->string(), "the user is the subject");
    const auto now =
        std::chrono::floor<std::chrono::seconds>(tests::present.time_since_epoch()).count();
    const Json* expiry = claims->find("exp");
    demand(expiry && expiry->integer() && *expiry->integer() + leeway.count() > now,
           "it has not expired");
    demand(principal.expiresAt.has_value(), "it will expire");
    if (const Json* begin = claims->find("nbf"))
        demand(begin->integer() && *begin->integer() <= now + leeway.count(), "it has begun");
    demand(isText(claims->find("iss"), issuer), "it is of that issuer");
    const Json* meant = claims->find("aud");
    const bool listed =
        meant && meant->array() && std::ranges::any_of(*meant->array(), [](const Json& each) {
            return isText(&each, audience);
        });
    demand(listed || isText(meant, audience), "it is meant for us");
    const bool role = claims->find("role") || claims->find("roles");
    if (!role && !claims->find("permissions"))
        demand(principal.permissions.bits == 0, "who is granted nothing may do nothing");
    if (claims->find("vms")) demand(principal.vms.has_value(), "who is bound stays bound");
}

void claims(const Keys& keys, Algorithm algorithm, const std::string& payload) {
    const std::string token = keys.sign(algorithm, payload);
    const auto principal = keys.verifier.verify(token, tests::now());
    if (principal) demandGood(payload, *principal);
    if (!principal) demand(principal.error() != TokenError::unknownKey, "the key is known");
    const auto elsewhere = keys.other.verify(token, tests::now());
    if (principal && elsewhere) {
        const auto read = common::readJson(payload);
        demand(read->find("aud")->array() != nullptr, "one audience is not another");
    }
}

void header(const Keys& keys, std::string_view text) {
    const auto end = text.find('\0');
    if (end == text.npos) return;
    const std::string head(text.substr(0, end));
    const std::string payload(text.substr(end + 1));
    const auto principal = keys.verifier.verify(
        tests::tokenOf(head, payload, Algorithm::hs256, keys.secret), tests::now());
    if (!principal) return;
    demandGood(payload, *principal);
    const auto read = common::readJson(head);
    demand(read && isText(read->find("alg"), "HS256"), "the algorithm is the key's");
    demand(!read->find("kid") && !read->find("crit"), "the header asks for nothing else");
}

void tampered(const Keys& keys, std::string_view text) {
    if (text.size() < 3) return;
    const auto place = static_cast<std::size_t>(static_cast<unsigned char>(text[0])) * 256 +
                       static_cast<unsigned char>(text[1]);
    std::string token = keys.sign(Algorithm::hs256, text.substr(3));
    char& target = token[place % token.size()];
    if (target == text[2]) return;
    target = text[2];
    demand(!keys.verifier.verify(token, tests::now()), "nothing of a token can be changed");
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo;
    using namespace rollo::fuzz;
    static const Keys keys;
    const auto text = textOf(data, size);
    if (text.empty()) return 0;
    const auto rest = text.substr(1);
    const char kind = text.front();
    if (kind == 'r')
        demand(!keys.verifier.verify(rest, auth::tests::now()), "nobody signs without a key");
    if (kind == 'h') header(keys, rest);
    if (kind == 't') tampered(keys, rest);
    if (kind >= '0' && kind <= '8')
        claims(keys, algorithms[static_cast<std::size_t>(kind - '0')], std::string(rest));
    return 0;
}
