// SPDX-License-Identifier: Apache-2.0
#include "agent/key_command.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "agent/auth/key_set.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo::agent;
using rollo::tests::TemporaryFolder;

namespace {

struct stat statusOf(const std::string& path) {
    struct stat status{};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status;
}

std::string failure(const std::string& path) {
    try {
        makeKey(path);
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
        const NewKey key = makeKey(folder / name);
        CHECK(key.path == folder / name);
        CHECK(key.mode == 0600);
        CHECK_FALSE(key.group);
        CHECK((statusOf(key.path).st_mode & 07777) == 0600);
        secrets.insert(rollo::auth::readHs256SecretFile(key.path).material);
    }
    CHECK(secrets.size() == 3);
    CHECK(std::ranges::all_of(secrets, [](const auto& secret) { return secret.size() == 64; }));
}

TEST_CASE("a key that is there stays, and so does what is no key") {
    const TemporaryFolder folder;
    const std::string path = folder.write("key", "mine", 0644);
    CHECK(failure(path) == path + ": there is a key already, which stays as it is");
    CHECK(folder.read("key") == "mine");
    CHECK((statusOf(path).st_mode & 07777) == 0644);
}

TEST_CASE("the folder is made, if that alone is missing") {
    const TemporaryFolder folder;
    makeKey(folder / "keys/one");
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
        const NewKey key = makeKey(folder / name);
        CHECK(key.mode == 0640);
        CHECK(key.group == "54321");
        const auto status = statusOf(key.path);
        CHECK((status.st_mode & 07777) == 0640);
        CHECK(status.st_gid == group);
        CHECK(status.st_uid == 0);
        CHECK_FALSE(rollo::auth::readHs256SecretFile(key.path).material.empty());
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
