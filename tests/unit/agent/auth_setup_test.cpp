// SPDX-License-Identifier: Apache-2.0
#include "agent/auth_setup.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "agent/auth/token_signer.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::agent;
using namespace std::chrono_literals;
using rollo::tests::TemporaryFolder;

namespace {

const std::string secret(40, 's');
const std::string ecKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END PUBLIC KEY-----\n";
const std::string jwks =
    R"({"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
    R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","kid":"idp"},{"kty":"OKP"}]})";

struct Setting {
    TemporaryFolder folder;
    AuthConfig config;

    Setting() { config.folder = folder.path(); }
    /// Algorithms and kids of all keys, in order of name.
    std::vector<std::string> keys() const {
        std::vector<std::string> names;
        const auto verifier = makeVerifier(config);
        for (const auth::Key& key : verifier.keys().keys())
            names.push_back(std::string(word(key.algorithm)) + " " + key.kid.value_or("-"));
        std::ranges::sort(names);
        return names;
    }
    std::string error() const {
        try {
            makeVerifier(config);
            return "";
        } catch (const std::runtime_error& failure) {
            return failure.what();
        }
    }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("keys come from everywhere that the configuration names") {
    Setting setting;
    CHECK(setting.keys().empty());
    setting.folder.write("keys/hs256.secret", secret);
    setting.folder.write("keys/2026.es256.pem", ecKey, 0644);
    setting.folder.write("keys/.hidden", "");
    CHECK(setting.keys() == Names{"ES256 2026", "HS256 -"});
    setting.config.keyFiles = {setting.folder.write("more/more.hs512.secret", secret + secret)};
    setting.config.jwksFile = setting.folder.write("jwks.json", jwks);
    CHECK(setting.keys() == Names{"ES256 2026", "ES256 idp", "HS256 -", "HS512 more"});
    CHECK(makeVerifier(setting.config).keys().leftOut().size() == 1);
    setting.config.keysDir = setting.folder / "more";
    CHECK(setting.keys() == Names{"ES256 idp", "HS512 more"});
}

TEST_CASE("a file that two settings name is one key") {
    Setting setting;
    setting.config.hs256SecretFile = setting.folder.write("keys/hs256.secret", secret);
    CHECK(setting.keys() == Names{"HS256 -"});
    // And one in the folder may have a name of its own there.
    setting.config.hs256SecretFile = setting.folder.write("keys/my.secret", secret);
    setting.config.keyFiles = {setting.folder.write("keys/a.hs256.secret", secret),
                               setting.folder / "keys/../keys/a.hs256.secret"};
    std::filesystem::remove(setting.folder / "keys/hs256.secret");
    CHECK(setting.keys() == Names{"HS256 -", "HS256 a"});
}

TEST_CASE("one key that is no good is no key at all, and the message says which") {
    Setting setting;
    setting.folder.write("keys/hs256.secret", secret);
    const std::string weak = setting.folder.write("keys/hs512.secret", "hunter2");
    CHECK(setting.error() ==
          "auth.keys_dir: " + weak + ": the HS512 secret has 7 bytes; it needs at least 64");
    std::filesystem::rename(weak, setting.folder / "keys/README");
    CHECK(setting.error().starts_with("auth.keys_dir: " + (setting.folder / "keys/README") +
                                      ": a key's name is"));
    std::filesystem::remove(setting.folder / "keys/README");
    CHECK(setting.error() == "");
    setting.config.hs256SecretFile = setting.folder.write("other", secret);
    CHECK(setting.error() == "auth.keys_dir: " + (setting.folder / "keys/hs256.secret") +
                                 ": there are two HS256 keys; the other one is in " +
                                 (setting.folder / "other"));
    setting.config.hs256SecretFile = setting.folder / "missing";
    CHECK(setting.error() == "auth.hs256_secret_file: " + (setting.folder / "missing") +
                                 ": No such file or directory");
    setting.config.hs256SecretFile.reset();
    setting.config.keyFiles = {setting.folder / "no.es256.pem"};
    CHECK(setting.error() ==
          "auth.key_files: " + (setting.folder / "no.es256.pem") + ": No such file or directory");
    setting.config.keyFiles.clear();
    setting.config.jwksFile = setting.folder.write("jwks.json", "{}");
    CHECK(setting.error().starts_with("auth.jwks_file: " + (setting.folder / "jwks.json")));
}

TEST_CASE("a folder of keys that is not there is an error only where it was asked for") {
    Setting setting;
    CHECK(setting.error() == "");
    setting.config.keysDir = setting.folder / "keys";
    CHECK(setting.error() ==
          "auth.keys_dir: " + (setting.folder / "keys") + ": No such file or directory");
    setting.config.keysDir.reset();
    setting.folder.write("keys", "a file");
    CHECK(setting.error() == "auth.keys_dir: " + (setting.folder / "keys") + ": Not a directory");
}

TEST_CASE("nobody else may put keys into the folder") {
    Setting setting;
    setting.folder.write("keys/hs256.secret", secret);
    std::filesystem::permissions(setting.folder / "keys", std::filesystem::perms::all);
    CHECK(setting.error() == "auth.keys_dir: " + (setting.folder / "keys") +
                                 ": others may write it; chmod o-w " + (setting.folder / "keys"));
}

TEST_CASE("a deny list that is not there is an error only where it was asked for") {
    Setting setting;
    core::Principal ann;
    ann.user = "ann";
    CHECK_FALSE(makeVerifier(setting.config).denies(ann));
    setting.folder.write("deny", "sub ann\n");
    CHECK(makeVerifier(setting.config).denies(ann));
    setting.config.denyFile = setting.folder / "missing";
    CHECK(setting.error() ==
          "auth.deny_file: " + (setting.folder / "missing") + ": No such file or directory");
    setting.config.denyFile = setting.folder.write("wrong", "ann\n");
    CHECK(setting.error() ==
          "auth.deny_file: " + (setting.folder / "wrong") + ":1: a line is `sub NAME` or `jti ID`");
    setting.config.denyFile.reset();
    std::filesystem::remove(setting.folder / "deny");
    std::filesystem::create_symlink(setting.folder / "deny", setting.folder / "deny");
    CHECK(setting.error().starts_with("auth.deny_file: "));  // there, and not to be read
}

TEST_CASE("what the configuration says of tokens is what the verifier asks of them") {
    Setting setting;
    setting.folder.write("keys/hs256.secret", secret);
    setting.config.issuer = "me";
    setting.config.audience = "rollo";
    setting.config.leeway = 0s;
    setting.config.maxLifetime = 60s;
    const auto verifier = makeVerifier(setting.config);
    const auto now = common::readClocks();
    const auto outcome = [&](const auth::TokenRequest& request, common::Now at) {
        const auto verified =
            verifier.verify(signToken(request, verifier.keys().keys().front(), now.wall), at);
        return verified ? "accepted" : auth::describe(verified.error());
    };
    const auth::TokenRequest good{
        .subject = "ann", .issuer = "me", .audience = "rollo", .lifetime = 60s};
    CHECK(outcome(good, now) == "accepted");
    auto changed = good;
    changed.issuer = "you";
    CHECK(outcome(changed, now) == describe(auth::TokenError::wrongIssuer));
    changed = good;
    changed.audience = "you";
    CHECK(outcome(changed, now) == describe(auth::TokenError::wrongAudience));
    changed = good;
    changed.lifetime = 62s;
    CHECK(outcome(changed, now) == describe(auth::TokenError::tooLongLived));
    CHECK(outcome(good, {now.mono, now.wall + 61s}) == describe(auth::TokenError::expired));
}

TEST_CASE("the files to watch are all that are read, and those that may come") {
    Setting setting;
    const auto files = [&] {
        auto list = authFiles(setting.config);
        std::ranges::sort(list);
        return list;
    };
    const auto& folder = setting.folder;
    CHECK(files() == Names{folder / "deny", folder / "keys"});
    folder.write("keys/b", "");
    folder.write("keys/a.hs256.secret", "");
    setting.config.hs256SecretFile = "/1";
    setting.config.keyFiles = {"/2", "/3"};
    setting.config.jwksFile = "/4";
    CHECK(files() == Names{"/1", "/2", "/3", "/4", folder / "deny", folder / "keys",
                           folder / "keys/a.hs256.secret", folder / "keys/b"});
    setting.config.keysDir = "/missing";
    setting.config.denyFile = "/5";
    CHECK(files() == Names{"/1", "/2", "/3", "/4", "/5", "/missing"});
    CHECK(authFiles(AuthConfig()).empty());
}
