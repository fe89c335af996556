// SPDX-License-Identifier: Apache-2.0
#include "agent/file_watch.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "unit/temporary_folder.hpp"

using namespace rollo::agent;
using rollo::tests::TemporaryFolder;
using Seen = FileWatch::Seen;

namespace {

FileStamps files(off_t size) {
    return {{"/a", {1, 2, size, {}}}};
}

}  // namespace

TEST_CASE("files are due once they are others, and were left alone since the last look") {
    FileWatch watch(files(1));
    CHECK(watch.look(files(1)) == Seen::same);
    CHECK(watch.look(files(2)) == Seen::unsettled);
    CHECK(watch.look(files(3)) == Seen::unsettled);
    CHECK(watch.look(files(3)) == Seen::changed);
    CHECK(watch.look(files(3)) == Seen::same);
    // It goes and comes back while nobody has read it.
    CHECK(watch.look({}) == Seen::unsettled);
    CHECK(watch.look(files(3)) == Seen::same);
    CHECK(watch.look({}) == Seen::unsettled);
    CHECK(watch.look({}) == Seen::changed);
    CHECK(watch.look(files(3)) == Seen::unsettled);
    CHECK(watch.look(files(3)) == Seen::changed);
}

TEST_CASE("a stamp is another one whatever is done to a file") {
    const TemporaryFolder folder;
    const std::string file = folder.write("file", "some");
    const auto stamps = [&] { return stampsOf({file}); };
    // The kernel's clock for files stands still for some milliseconds at a time.
    const auto differs = [&](const FileStamps& before, auto change) {
        for (int i = 0; i < 1000; ++i) {
            change();
            if (stamps() != before) return true;
            usleep(1000);
        }
        return false;
    };
    CHECK(stamps() == stamps());
    CHECK(stamps().size() == 1);
    CHECK(differs(stamps(), [&] { folder.write("file", "more"); }));
    CHECK(differs(stamps(), [&] { chmod(file.c_str(), 0644); }));
    CHECK(differs(stamps(), [&] { std::filesystem::rename(folder.write("other", "more"), file); }));
    CHECK(differs(stamps(), [&] { std::filesystem::remove(file); }));
    CHECK(stamps().empty());
}

TEST_CASE("of a folder what lies in it counts, and a link is what it leads to") {
    const TemporaryFolder folder;
    folder.write("keys/a", "1");
    folder.write("keys/b", "2");
    CHECK(stampsOf({folder / "keys", folder / "missing"}).size() == 3);
    const auto before = stampsOf({folder / "keys"});
    folder.write("keys/b", "another size, in the same place");
    CHECK(stampsOf({folder / "keys"}) != before);

    folder.write("one", "1");
    folder.write("two", "two");
    std::filesystem::create_symlink("one", folder / "link");
    const auto first = stampsOf({folder / "link"});
    CHECK(first.at(folder / "link") == stampsOf({folder / "one"}).at(folder / "one"));
    std::filesystem::remove(folder / "link");
    std::filesystem::create_symlink("two", folder / "link");
    CHECK(stampsOf({folder / "link"}) != first);
}
