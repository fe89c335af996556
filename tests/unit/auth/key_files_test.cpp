// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/key_files.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <stdexcept>

#include "unit/auth/test_keys.hpp"
#include "unit/auth/test_tokens.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo::auth;
using namespace rollo::auth::tests;
using rollo::tests::TemporaryFolder;

namespace {

/// What the file gives, or why it gives nothing.
std::string materialOf(const std::string& path) {
    KeySet keys;
    addKeyFile(keys, path);
    REQUIRE(keys.keys().size() == 1);
    CHECK(keys.keys().front().file == path);
    return keys.keys().front().material;
}
std::string refusal(const std::string& path) {
    KeySet keys;
    try {
        addKeyFile(keys, path);
        return "";
    } catch (const std::runtime_error& error) {
        CHECK(keys.keys().empty());
        return error.what();
    }
}

std::string keyName(std::string_view file) {
    const auto name = parseKeyName(file);
    if (!name) return "none";
    return std::string(word(name->algorithm)) + (name->kid ? " " + *name->kid : "");
}

}  // namespace

TEST_CASE("a file's name says algorithm and kid") {
    CHECK(keyName("hs256.secret") == "HS256");
    CHECK(keyName("hs384.secret") == "HS384");
    CHECK(keyName("2026-11.hs512.secret") == "HS512 2026-11");
    CHECK(keyName("es256.pem") == "ES256");
    CHECK(keyName("a.b.rs512.pem") == "RS512 a.b");
    CHECK(keyName("hs256.hs384.secret") == "HS384 hs256");
    CHECK(keyName("é 1.es384.pem") == "ES384 é 1");
    for (const char* name : {"", "secret", ".secret", "hs256", "hs256.pem", "es256.secret",
                             "HS256.secret", "hs256.Secret", "hs256.secret.old", "hs128.secret",
                             "ps256.pem", "eddsa.pem", "none.secret", "hs256 .secret",
                             "hs256..secret", "key.pem", "a.hs256.key", "hs256-1.secret", ".pem"}) {
        CAPTURE(name);
        CHECK(keyName(name) == "none");
    }
    for (const char* name : {"hs256.secret", "2026-11.hs512.secret", "a.b.hs384.secret"})
        CHECK(secretFileName(*parseKeyName(name)) == name);
}

TEST_CASE("a file with another name is refused, and the message says what it should be") {
    const TemporaryFolder folder;
    const std::string path = folder.write("my.key", secret);
    CHECK(refusal(path).starts_with(path + ": a key's name is [KID.]ALG.secret"));
    KeySet keys;
    addKeyFile(keys, path, {Algorithm::hs256, "k"});
    CHECK(keys.find("HS256", "k")->material == secret);
}

TEST_CASE("a secret is the file's bytes without one line break") {
    const TemporaryFolder folder;
    CHECK(materialOf(folder.write("a.hs256.secret", secret + "\n")) == secret);
    CHECK(materialOf(folder.write("b.hs256.secret", secret)) == secret);
    CHECK(materialOf(folder.write("c.hs256.secret", secret + "\n\n")) == secret + "\n");
    const std::string binary = "\n" + std::string(40, '\0') + "\xff ";
    CHECK(materialOf(folder.write("d.hs256.secret", binary)) == binary);
}

TEST_CASE("a secret that cannot serve says which and why, and nothing of itself") {
    const TemporaryFolder folder;
    const std::string path = folder.write("weak.hs256.secret", "hunter2\n");
    CHECK(refusal(path) == path + ": the HS256 secret has 7 bytes; it needs at least 32");
    const std::string strong = folder.write("hs512.secret", std::string(63, 'x') + "\n");
    CHECK(refusal(strong) == strong + ": the HS512 secret has 63 bytes; it needs at least 64");
    const std::string missing = folder / "hs256.secret";
    CHECK(refusal(missing) == missing + ": No such file or directory");
    for (const mode_t mode : {0644U, 0604U, 0601U}) {
        const std::string open = folder.write("open.hs256.secret", secret, mode);
        CHECK(refusal(open) == open + ": others may read or write this secret; chmod o= " + open);
    }
    CHECK(refusal(folder.write("group.hs256.secret", secret, 0640)) == "");
    const std::string pem = folder.write("pem.hs256.secret", KeyPair::ec("P-256").publicPem());
    CHECK(refusal(pem) == pem + ": the HS256 secret is a PEM, not a secret");
    const std::string large = folder.write("large.hs256.secret", std::string(5000, 'x'));
    CHECK(refusal(large) == large + ": File too large");
}

TEST_CASE("a public key may be read by everybody, and written by nobody else") {
    const TemporaryFolder folder;
    const std::string pem = KeyPair::ec("P-256").publicPem();
    CHECK(materialOf(folder.write("es256.pem", pem, 0644)) == pem);
    const std::string open = folder.write("open.es256.pem", pem, 0646);
    CHECK(refusal(open) == open + ": others may write it; chmod o-w " + open);
    const std::string wrong = folder.write("es384.pem", pem, 0644);
    CHECK(refusal(wrong) == wrong + ": the ES384 key is no key on the curve secp384r1");
    const std::string secretOne = folder.write("rs256.pem", KeyPair::rsa(2048).privatePem());
    CHECK(refusal(secretOne) == secretOne +
                                    ": the RS256 key is a private key; only its public half "
                                    "belongs here (openssl pkey -pubout)");
    const std::string large = folder.write("large.rs256.pem", pem + std::string(17'000, '\n'));
    CHECK(refusal(large) == large + ": File too large");
}

TEST_CASE("what would keep a reader waiting is no key") {
    const TemporaryFolder folder;
    const std::string pipe = folder / "hs256.secret";
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(refusal(pipe) == pipe + ": is no regular file");
    std::filesystem::create_directory(folder / "hs512.secret");
    CHECK(refusal(folder / "hs512.secret") == (folder / "hs512.secret") + ": Is a directory");
    // A link is as good as what it leads to.
    std::filesystem::create_symlink(folder.write("there", secret), folder / "b.hs256.secret");
    CHECK(materialOf(folder / "b.hs256.secret") == secret);
}

TEST_CASE("a folder of keys is everything in it but what editors leave behind") {
    const TemporaryFolder folder;
    CHECK(filesInKeysFolder(folder.path())->empty());
    for (const char* name : {"b", "a", ".hidden", ".#lock", "a~", "#a#", "a#", "folder/c"})
        folder.write(name, "");
    CHECK(*filesInKeysFolder(folder.path()) ==
          std::vector{folder / "a", folder / "a#", folder / "b", folder / "folder"});
    CHECK(filesInKeysFolder(folder / "missing").error() == std::errc::no_such_file_or_directory);
    CHECK(filesInKeysFolder(folder / "a").error() == std::errc::not_a_directory);
}
