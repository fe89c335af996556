// SPDX-License-Identifier: Apache-2.0
#include "agent/key_command.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "agent/auth/key_files.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo::agent;
using rollo::auth::Algorithm;
using rollo::tests::TemporaryFolder;

namespace {

struct stat statusOf(const std::string& path) {
    struct stat status{};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status;
}

/// As the agent would take it.
std::string materialOf(const std::string& path, Algorithm algorithm) {
    rollo::auth::KeySet keys;
    rollo::auth::addKeyFile(keys, path, {algorithm, std::nullopt});
    return keys.keys().front().material;
}

std::string placeOf(const KeyOptions& options, const AuthConfig& config) {
    try {
        const KeyPlace place = placeOfNewKey(options, config);
        return place.path + " " + std::string(word(place.algorithm));
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

std::string failure(const std::string& path) {
    try {
        makeKey({path});
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("a new key is one that the agent takes, another one each time") {
    const TemporaryFolder folder;
    std::set<std::string> secrets;
    for (const char* name : {"a", "b", "c"}) {
        const NewKey key = makeKey({folder / name});
        CHECK(key.path == folder / name);
        CHECK(key.mode == 0600);
        CHECK_FALSE(key.group);
        CHECK((statusOf(key.path).st_mode & 07777) == 0600);
        secrets.insert(materialOf(key.path, Algorithm::hs256));
    }
    CHECK(secrets.size() == 3);
    CHECK(std::ranges::all_of(secrets, [](const auto& secret) { return secret.size() == 64; }));
}

TEST_CASE("a key that is there stays, and so does what is no key") {
    const TemporaryFolder folder;
    const std::string path = folder.write("key", "mine", 0644);
    CHECK(failure(path) ==
          path + ": there is a key already, which stays as it is; --kid NAME makes another one");
    CHECK(folder.read("key") == "mine");
    CHECK((statusOf(path).st_mode & 07777) == 0644);
}

TEST_CASE("the folder is made, if that alone is missing") {
    const TemporaryFolder folder;
    makeKey({folder / "keys/one"});
    CHECK((statusOf(folder / "keys").st_mode & 07777) == 0700);
    CHECK(failure(folder / "no/such/key") == (folder / "no/such") + ": No such file or directory");
    const std::string file = folder.write("file", "");
    CHECK(failure(file + "/key") == file + "/key: Not a directory");
}

TEST_CASE("what root puts into the folder of another group is for that group to read") {
    if (geteuid() != 0) return;  // who else may give files away?
    const TemporaryFolder folder;
    constexpr gid_t group = 54321;
    REQUIRE(chown(folder.path().c_str(), 0, group) == 0);
    for (const char* name : {"key", "keys/key"}) {
        const NewKey key = makeKey({folder / name});
        CHECK(key.mode == 0640);
        CHECK(key.group == "54321");
        const auto status = statusOf(key.path);
        CHECK((status.st_mode & 07777) == 0640);
        CHECK(status.st_gid == group);
        CHECK(status.st_uid == 0);
        CHECK_FALSE(materialOf(key.path, Algorithm::hs256).empty());
    }
    CHECK((statusOf(folder / "keys").st_mode & 07777) == 0750);
    CHECK(statusOf(folder / "keys").st_gid == group);
}

TEST_CASE("the report says who may read the key and what comes next") {
    const std::string mine = report({"/k", 0600, {}}, "rollo-agent");
    CHECK(mine.starts_with("/k: a new key, readable by you alone (mode 0600)\n"));
    CHECK(mine.find("\n  rollo-agent login-link\n") != mine.npos);
    const std::string shared = report({"/k", 0640, "rollo"}, "rollo-agent --config x");
    CHECK(shared.starts_with("/k: a new key, readable by you and the group rollo (mode 0640)\n"));
    CHECK(shared.find("\n  rollo-agent --config x login-link\n") != shared.npos);
}

TEST_CASE("a secret has as many random bytes as its hash") {
    const TemporaryFolder folder;
    for (const auto& [algorithm, bytes] :
         {std::pair(Algorithm::hs256, 32), std::pair(Algorithm::hs384, 48),
          std::pair(Algorithm::hs512, 64)}) {
        const std::string path = folder / std::to_string(bytes);
        makeKey({path, algorithm});
        CHECK(materialOf(path, algorithm).size() == 2 * static_cast<std::size_t>(bytes));
    }
}

TEST_CASE("a new key's place is the folder of keys, under the name that says what it is") {
    AuthConfig config;
    config.folder = "/etc/rollo";
    CHECK(placeOf({}, config) == "/etc/rollo/keys/hs256.secret HS256");
    CHECK(placeOf({.kid = "2026-11"}, config) == "/etc/rollo/keys/2026-11.hs256.secret HS256");
    CHECK(placeOf({.kid = "a.b_C", .algorithm = "hs512"}, config) ==
          "/etc/rollo/keys/a.b_C.hs512.secret HS512");
    config.keysDir = "/k";
    CHECK(placeOf({.algorithm = "hs384"}, config) == "/k/hs384.secret HS384");
    // The one without a kid may have a place of its own.
    config.hs256SecretFile = "/my.secret";
    CHECK(placeOf({}, config) == "/my.secret HS256");
    CHECK(placeOf({.kid = "x"}, config) == "/k/x.hs256.secret HS256");
    CHECK(placeOf({.algorithm = "hs512"}, config) == "/k/hs512.secret HS512");
}

TEST_CASE("a kid is what a file's name and a shell can bear") {
    AuthConfig config;
    config.folder = "/etc/rollo";
    for (const char* kid : {"", ".hidden", "../x", "a/b", "a b", "é", "a\n", "a~"})
        CHECK(placeOf({.kid = kid}, config).starts_with("a kid is 1 to 64 letters"));
    CHECK(placeOf({.kid = std::string(65, 'k')}, config).starts_with("a kid is 1 to 64 letters"));
    for (const char* algorithm : {"", "HS256", "es256", "rs256", "none", "hs1"})
        CHECK(placeOf({.algorithm = algorithm}, config)
                  .starts_with("the algorithm of a secret is hs256, hs384 or hs512"));
}

TEST_CASE("the list tells of every key and of no secret") {
    const TemporaryFolder folder;
    AuthConfig config;
    config.folder = folder.path();
    CHECK(keyList(config) == "there are no keys: rollo-agent key new makes one\n");
    const std::string secret(64, 's');
    folder.write("keys/hs256.secret", secret);
    folder.write("keys/2026.es256.pem",
                 "-----BEGIN PUBLIC KEY-----\n"
                 "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"
                 "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
                 "-----END PUBLIC KEY-----\n");
    config.jwksFile = folder.write("jwks.json", R"({"keys":[{"kty":"OKP"}]})");
    CHECK(keyList(config) ==
          "KID   ALG    STRENGTH   FILE\n"
          "2026  ES256  P-256      " +
              (folder / "keys/2026.es256.pem") +
              "\n"
              "-     HS256  64 bytes   " +
              (folder / "keys/hs256.secret") + " (signs what `token` and `login-link` make)\n" +
              *config.jwksFile + ": keys[0] is left out: its kty is none of RSA, EC and oct\n");
    folder.write("keys/hs512.secret", "weak");
    CHECK_THROWS(keyList(config));
}
