// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_log.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "unit/temporary_folder.hpp"

using namespace rollo::virt;
using rollo::tests::TemporaryFolder;

TEST_CASE("a log is read from its end") {
    const TemporaryFolder folder;
    const auto path = folder.write("log", "0123456789");
    const auto whole = readConsoleLogEnd(path);
    REQUIRE(whole);
    CHECK(whole->bytes == "0123456789");
    CHECK(whole->from == 0);
    CHECK(whole->end() == 10);
    const auto end = readConsoleLogEnd(path, 4);
    REQUIRE(end);
    CHECK(end->bytes == "6789");
    CHECK(end->from == 6);
    CHECK(end->inode == whole->inode);
}

TEST_CASE("a log is read on from where it was left") {
    const TemporaryFolder folder;
    const auto path = folder.write("log", "0123456789");
    const auto inode = readConsoleLogEnd(path)->inode;
    CHECK(readConsoleLogFrom(path, 4, inode, 3)->bytes == "456");
    CHECK(readConsoleLogFrom(path, 4, inode)->bytes == "456789");
    CHECK(readConsoleLogFrom(path, 4, inode)->from == 4);
    const auto nothingNew = readConsoleLogFrom(path, 10, inode);
    REQUIRE(nothingNew);
    CHECK(nothingNew->bytes.empty());
}

TEST_CASE("a log that is shorter than it was, or another one, is not read on") {
    const TemporaryFolder folder;
    const auto path = folder.write("log", "0123456789");
    const auto inode = readConsoleLogEnd(path)->inode;
    CHECK_FALSE(readConsoleLogFrom(path, 11, inode));
    std::filesystem::resize_file(path, 5);
    CHECK_FALSE(readConsoleLogFrom(path, 10, inode));
    std::filesystem::rename(folder.write("other", "0123456789"), path);
    CHECK_FALSE(readConsoleLogFrom(path, 4, inode));
}

TEST_CASE("nothing but a regular file is read, and nothing is waited for") {
    const TemporaryFolder folder;
    const auto path = folder.write("log", "secret");
    std::filesystem::create_symlink(path, folder / "link");
    REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
    for (const std::string& bad : {folder / "link", folder / "pipe", folder.path(), folder / "none",
                                   std::string("/dev/null"), std::string()})
        CHECK_FALSE(readConsoleLogEnd(bad));
    CHECK(readConsoleLogEnd(folder.write("empty", ""))->bytes.empty());
}
