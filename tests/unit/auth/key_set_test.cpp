// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/key_set.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include "unit/auth/test_tokens.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo::auth;
using namespace rollo::auth::tests;
using rollo::tests::TemporaryFolder;

namespace {

std::string loadError(const std::string& path) {
    try {
        readHs256SecretFile(path);
        return "";
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("a weak secret is refused") {
    KeySet keys;
    CHECK_THROWS_WITH(keys.add(key(Algorithm::hs256, std::string(31, 'x'))),
                      "the HS256 secret has 31 bytes; it needs at least 32");
    CHECK_THROWS(keys.add(key(Algorithm::hs384, std::string(47, 'x'))));
    CHECK_THROWS(keys.add(key(Algorithm::hs512, std::string(63, 'x'))));
    CHECK(keys.keys().empty());
    keys.add(key(Algorithm::hs256, std::string(32, 'x')));
    CHECK(keys.keys().size() == 1);
}

TEST_CASE("two keys that the same token could mean are refused") {
    KeySet keys;
    keys.add(key());
    CHECK_THROWS_WITH(keys.add(key(Algorithm::hs256, std::string(40, 'y'))),
                      "there are two HS256 keys");
    Key named = key();
    named.kid = "a";
    keys.add(named);
    CHECK(keys.find("HS256", "a") != nullptr);
    CHECK(keys.find("HS256", std::nullopt) != nullptr);
    CHECK(keys.find("HS256", "b") == nullptr);
    CHECK(keys.find("HS512", std::nullopt) == nullptr);
}

TEST_CASE("a secret file gives its bytes, without one line break") {
    const TemporaryFolder folder;
    CHECK(readHs256SecretFile(folder.write("a", secret + "\n")).material == secret);
    CHECK(readHs256SecretFile(folder.write("b", secret)).material == secret);
    CHECK(readHs256SecretFile(folder.write("c", secret + "\n\n")).material == secret + "\n");
    const std::string binary = "\n" + std::string(40, '\0') + "\xff ";
    CHECK(readHs256SecretFile(folder.write("d", binary)).material == binary);
}

TEST_CASE("a secret file that cannot serve says which and why, and nothing of the secret") {
    const TemporaryFolder folder;
    const std::string path = folder.write("weak", "hunter2\n");
    CHECK(loadError(path) == path + ": the HS256 secret has 7 bytes; it needs at least 32");
    const std::string missing = folder / "missing";
    CHECK(loadError(missing) == missing + ": No such file or directory");
    const std::string open = folder.write("open", secret, 0644);
    CHECK(loadError(open) == open + ": others may read or write this secret; chmod o= " + open);
    CHECK(loadError(folder.write("group", secret, 0640)) == "");
    const std::string pem = folder.write(
        "pem", "-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALz6w0VQbPVb1dU\n");
    CHECK(loadError(pem) == pem + ": the HS256 secret is a PEM, not a secret");
    const std::string large = folder.write("large", std::string(5000, 'x'));
    CHECK(loadError(large) == large + ": File too large");
}
