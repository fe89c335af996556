// SPDX-License-Identifier: Apache-2.0
#include "agent/store/state_file.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <stdexcept>

#include "agent/store/state_text.hpp"
#include "unit/store/example_state.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::store;
using namespace rollo::store::tests;
using rollo::tests::TemporaryFolder;

namespace {

/// 2026-01-01T00:00:00Z
const common::Now now{{}, common::WallClock{std::chrono::seconds(1767225600)}};
constexpr auto asideName = "vms.state.damaged-20260101T000000Z";

}  // namespace

TEST_CASE("a state file comes back, mode 0600, without a warning") {
    const TemporaryFolder folder;
    const std::string path = folder / "vms.state";
    CHECK_FALSE(saveState(path, exampleState()));
    CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::mask) ==
          static_cast<std::filesystem::perms>(0600));
    const LoadReport report = loadState(path, now);
    CHECK(report.state == exampleState());
    CHECK(report.warnings.empty());
}

TEST_CASE("a missing file is an empty state") {
    const TemporaryFolder folder;
    const LoadReport report = loadState(folder / "vms.state", now);
    CHECK(report.state == core::SavedState{});
    CHECK(report.warnings.empty());
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a damaged file is set aside, reported and replaced by what was recovered") {
    const TemporaryFolder folder;
    std::string text = writeStateText(exampleState());
    text.resize(text.size() - 200);
    const std::string path = folder.write("vms.state", text);
    const LoadReport report = loadState(path, now);
    CHECK(report.state.vms.size() >= 2);
    CHECK(report.state.nextId == exampleState().nextId);
    REQUIRE(report.warnings.size() == 3);
    CHECK(report.warnings[0].find(path + " is damaged: ") == 0);
    CHECK(report.warnings[2] == "the damaged file is kept as " + (folder / asideName));
    CHECK(folder.read(asideName) == text);

    const LoadReport again = loadState(path, now);
    CHECK(again.warnings.empty());
    CHECK(again.state == report.state);
}

TEST_CASE("earlier damaged files are not overwritten") {
    const TemporaryFolder folder;
    for (const char* text : {"first", "second", "third"})
        loadState(folder.write("vms.state", text), now);
    CHECK(folder.read(asideName) == "first");
    CHECK(folder.read(std::string(asideName) + "-2") == "second");
    CHECK(folder.read(std::string(asideName) + "-3") == "third");
}

TEST_CASE("where nothing is left, ids go on above all that can have been allotted") {
    const TemporaryFolder folder;
    for (const char* text : {"", "garbage\ngarbage\n"}) {
        const LoadReport report = loadState(folder.write("vms.state", text), now);
        CHECK(report.state.vms.empty());
        CHECK(report.state.nextId == 1767225600);
        CHECK(loadState(folder / "vms.state", now).state.nextId == 1767225600);
    }
}

TEST_CASE("a temporary that a crash left behind is ignored and removed") {
    const TemporaryFolder folder;
    const std::string path = folder / "vms.state";
    CHECK_FALSE(saveState(path, exampleState()));
    auto newer = exampleState();
    newer.nextId = 5;
    folder.write("vms.state.new", writeStateText(newer));
    CHECK(loadState(path, now).state == exampleState());
    CHECK_FALSE(std::filesystem::exists(folder / "vms.state.new"));
}

TEST_CASE("a file that cannot be read is no damage") {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "vms.state");
    CHECK_THROWS_WITH(loadState(folder / "vms.state", now),
                      ((folder / "vms.state") + ": Is a directory").c_str());
}

TEST_CASE("a failed save says which file and why") {
    const TemporaryFolder folder;
    const std::string path = folder / "missing/vms.state";
    CHECK(saveState(path, exampleState()) ==
          path + ": cannot be written: No such file or directory");
}
