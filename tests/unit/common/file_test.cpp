// SPDX-License-Identifier: Apache-2.0
#include "common/file.hpp"

#include <doctest/doctest.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include "common/unique_fd.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo::common;
using rollo::tests::TemporaryFolder;

namespace {

mode_t modeOf(const std::string& path) {
    struct stat status{};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

std::ptrdiff_t entriesIn(const TemporaryFolder& folder) {
    return std::distance(std::filesystem::directory_iterator(folder.path()), {});
}

}  // namespace

TEST_CASE("a file is read whole, with its mode, up to the limit") {
    const TemporaryFolder folder;
    const std::string bytes(100'000, '\0');
    const std::string path = folder.write("file", bytes, 0640);
    const auto content = readFile(path, bytes.size());
    REQUIRE(content);
    CHECK(content->bytes == bytes);
    CHECK((content->mode & 0777) == 0640);
    CHECK(readFile(path, bytes.size() - 1).error() == std::errc::file_too_large);
}

TEST_CASE("a file that cannot be read says why") {
    const TemporaryFolder folder;
    CHECK(readFile(folder / "missing", 10).error() == std::errc::no_such_file_or_directory);
    CHECK(readFile(folder.path(), 10).error() == std::errc::is_a_directory);
}

TEST_CASE("a file is replaced, with the mode asked for, and no temporary stays") {
    const TemporaryFolder folder;
    const std::string path = folder.write("state", "old", 0644);
    folder.write("state.new", "left behind by a crash", 0666);
    CHECK_FALSE(writeFileAtomically(path, "new", 0600));
    CHECK(folder.read("state") == "new");
    CHECK(modeOf(path) == 0600);
    CHECK_FALSE(std::filesystem::exists(temporaryName(path)));
}

TEST_CASE("a link in the temporary's place is not followed") {
    const TemporaryFolder folder;
    const std::string victim = folder.write("victim", "precious");
    std::filesystem::create_symlink(victim, folder / "state.new");
    CHECK_FALSE(writeFileAtomically(folder / "state", "new", 0600));
    CHECK(folder.read("victim") == "precious");
    CHECK(folder.read("state") == "new");
}

TEST_CASE("a failed replacement keeps the old file and removes the temporary") {
    const TemporaryFolder folder;
    // A folder cannot be replaced by a file.
    const std::string path = folder / "state";
    std::filesystem::create_directories(path + "/in the way");
    CHECK(writeFileAtomically(path, "new", 0600));
    CHECK(std::filesystem::exists(path + "/in the way"));
    CHECK_FALSE(std::filesystem::exists(temporaryName(path)));
    CHECK(writeFileAtomically(folder / "no/such/folder", "x", 0600) ==
          std::errc::no_such_file_or_directory);
}

TEST_CASE("a new file is whole, with exactly the mode asked for, and nothing lies beside it") {
    const TemporaryFolder folder;
    const mode_t before = umask(0077);
    CHECK_FALSE(createFileAtomically(folder / "key", "bytes", 0640));
    umask(before);
    CHECK(folder.read("key") == "bytes");
    CHECK(modeOf(folder / "key") == 0640);
    CHECK(entriesIn(folder) == 1);
}

TEST_CASE("while a new file is made, only hidden ones are seen in its folder") {
    const TemporaryFolder folder;
    const UniqueFd watch(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    REQUIRE(inotify_add_watch(watch.get(), folder.path().c_str(), IN_CREATE) >= 0);
    REQUIRE_FALSE(createFileAtomically(folder / "key", "bytes", 0600));
    alignas(inotify_event) std::array<char, 4096> buffer;
    const ssize_t size = read(watch.get(), buffer.data(), buffer.size());
    std::vector<std::string> seen;
    for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
        seen.emplace_back(event->name);
        at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].starts_with(".key."));
    CHECK(seen[1] == "key");
}

TEST_CASE("what has the name of a new file stays, whatever it is") {
    const TemporaryFolder folder;
    folder.write("file", "old");
    std::filesystem::create_directory(folder / "folder");
    std::filesystem::create_symlink(folder / "nowhere", folder / "link");
    for (const char* name : {"file", "folder", "link"})
        CHECK(createFileAtomically(folder / name, "new", 0600) == std::errc::file_exists);
    CHECK(folder.read("file") == "old");
    CHECK_FALSE(std::filesystem::exists(folder / "nowhere"));
    CHECK(entriesIn(folder) == 3);
    CHECK(createFileAtomically(folder / "no/such/folder", "x", 0600) ==
          std::errc::no_such_file_or_directory);
}

TEST_CASE("of several that make the same file one wins, and it is whole") {
    const TemporaryFolder folder;
    std::array<std::error_code, 8> errors;
    {
        std::vector<std::jthread> makers;
        for (std::size_t i = 0; i < errors.size(); ++i)
            makers.emplace_back([&folder, &errors, i] {
                const std::string bytes(4096, static_cast<char>('a' + i));
                errors[i] = createFileAtomically(folder / "key", bytes, 0600);
            });
    }
    CHECK(std::ranges::count(errors, std::error_code()) == 1);
    CHECK(std::ranges::count_if(errors,
                                [](auto error) { return error == std::errc::file_exists; }) == 7);
    const auto winner = std::ranges::find(errors, std::error_code()) - errors.begin();
    CHECK(folder.read("key") == std::string(4096, static_cast<char>('a' + winner)));
    CHECK(entriesIn(folder) == 1);
}
