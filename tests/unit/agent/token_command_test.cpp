// SPDX-License-Identifier: Apache-2.0
#include "agent/token_command.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <stdexcept>

#include "agent/auth_setup.hpp"
#include "common/base64url.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::agent;
using namespace std::chrono_literals;
using rollo::tests::TemporaryFolder;

namespace {

struct Setting {
    TemporaryFolder folder;
    AuthConfig config;
    common::Now now = common::readClocks();

    Setting() {
        config.hs256SecretFile = folder.write("secret", std::string(40, 's') + "\n");
        config.issuer = "me";
        config.audience = "rollo";
    }
    std::string error(const TokenOptions& options) const {
        try {
            makeToken(options, config, now.wall);
            return "";
        } catch (const std::runtime_error& failure) {
            return failure.what();
        }
    }
};

}  // namespace

TEST_CASE("lifetimes have units, and an end") {
    CHECK(parseLifetime("90") == 90s);
    CHECK(parseLifetime("90s") == 90s);
    CHECK(parseLifetime("15m") == 15min);
    CHECK(parseLifetime("12h") == 12h);
    CHECK(parseLifetime("7d") == 7 * 24h);
    CHECK(parseLifetime("3660d") == 3660 * 24h);
    for (const char* text : {"", "h", "0", "0h", "-1h", "1w", "1 h", "1hh", "1.5h", "3661d",
                             "9223372036854775807d", "99999999999999999999"}) {
        CAPTURE(text);
        CHECK_FALSE(parseLifetime(text));
    }
}

TEST_CASE("the agent takes the tokens that it makes") {
    const Setting setting;
    const MadeToken token =
        makeToken({.subject = "ann", .roles = {"operator"}, .vms = {"17", "web"}, .lifetime = "2h"},
                  setting.config, setting.now.wall);
    const auto principal = makeVerifier(setting.config).verify(token.text, setting.now);
    REQUIRE(principal);
    CHECK(principal->tokenId == token.id);
    CHECK(principal->user == "ann");
    CHECK(principal->role == "operator");
    CHECK(principal->vms->size() == 2);
    CHECK(*principal->expiresAt <= setting.now.wall + 2h);
    CHECK(*principal->expiresAt > setting.now.wall + 2h - 1s);
}

TEST_CASE("what cannot be a token says why") {
    Setting setting;
    CHECK(setting.error({.subject = "ann", .roles = {"king"}}) ==
          "unknown role king: viewer, operator or admin");
    CHECK(setting.error({.subject = "ann", .permissions = {"vm:fly"}}) ==
          "unknown permission vm:fly");
    CHECK(setting.error({.subject = "ann", .lifetime = "soon"}) ==
          "a lifetime is a number with s, m, h or d, at most ten years");
    CHECK(setting.error({.subject = ""}).find("no usable token") == 0);
    CHECK(setting.error({.subject = std::string(5000, 'x')}).find("no usable token") == 0);
    setting.config.maxLifetime = 60s;
    CHECK(setting.error({.subject = "ann", .lifetime = "60s"}) == "");
    CHECK(setting.error({.subject = "ann", .lifetime = "61s"}) ==
          "the agent takes no token that is valid for longer than 60 seconds "
          "(auth.max_lifetime_seconds)");
    CHECK(setting.error({.subject = "ann", .lifetime = "60s", .kid = "x"}) ==
          "there is no secret with the kid x: rollo-agent key list shows those there are");
    setting.config.hs256SecretFile.reset();
    CHECK(setting.error({.subject = "ann"}) ==
          "there is no key to sign a token with: rollo-agent key new makes one");
}

TEST_CASE("each token has an id of its own, by which it can be denied") {
    Setting setting;
    const auto make = [&] {
        return makeToken({.subject = "ann"}, setting.config, setting.now.wall);
    };
    const MadeToken first = make();
    CHECK(first.id.size() == 32);
    CHECK(make().id != first.id);
    setting.config.denyFile = setting.folder.write("deny", "jti " + first.id + "\n");
    const auto verifier = makeVerifier(setting.config);
    CHECK(verifier.verify(first.text, setting.now).error() == auth::TokenError::denied);
    CHECK(verifier.verify(make().text, setting.now));
    setting.folder.write("deny", "sub ann\n");
    CHECK(setting.error({.subject = "ann"}) ==
          "no usable token: its user or the token stands in auth.deny_file");
}

TEST_CASE("the newest secret signs, unless another one is named") {
    Setting setting;
    setting.config.folder = setting.folder.path();
    const auto now = std::filesystem::file_time_type::clock::now();
    const auto write = [&](const char* name, std::chrono::seconds age) {
        const auto path = setting.folder.write(name, std::string(64, 'k'));
        std::filesystem::last_write_time(path, now - age);
    };
    const auto kid = [&](const std::optional<std::string>& wanted = std::nullopt) {
        const auto verifier = makeVerifier(setting.config);
        const auth::Key* key = newestSecret(verifier.keys(), wanted);
        return key ? key->kid.value_or("-") + " " + std::string(word(key->algorithm)) : "none";
    };
    CHECK(kid() == "- HS256");
    std::filesystem::last_write_time(*setting.config.hs256SecretFile, now - 10s);
    write("keys/new.hs512.secret", 5s);
    write("keys/old.hs256.secret", 20s);
    CHECK(kid() == "new HS512");
    CHECK(kid("old") == "old HS256");
    write("keys/old.hs384.secret", 15s);
    CHECK(kid("old") == "old HS384");
    CHECK(kid("none") == "none");
    const auto token =
        makeToken({.subject = "ann", .kid = "old"}, setting.config, setting.now.wall);
    CHECK(makeVerifier(setting.config).verify(token.text, setting.now));
    // A public key signs nothing, however new it is.
    setting.folder.write("keys/public.es256.pem",
                         "-----BEGIN PUBLIC KEY-----\n"
                         "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                         "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                         "-----END PUBLIC KEY-----\n");
    CHECK(kid() == "new HS512");
    CHECK(kid("public") == "none");
    // Nor does a secret that an identity provider signs with.
    setting.config.jwksFile = setting.folder.write(
        "jwks.json", R"({"keys":[{"kty":"oct","alg":"HS256","kid":"idp","k":")" +
                         common::encodeBase64Url(std::string(32, 'k')) + "\"}]}");
    CHECK(kid() == "new HS512");
    CHECK(kid("idp") == "none");
}
