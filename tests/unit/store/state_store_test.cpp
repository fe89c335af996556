// SPDX-License-Identifier: Apache-2.0
#include "agent/store/state_store.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <vector>

#include "unit/store/example_state.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::store;
using namespace rollo::store::tests;
using namespace std::chrono_literals;
using rollo::tests::TemporaryFolder;

namespace {

/// The owner's side: a queue, and what came through it.
struct Owner {
    common::TaskQueue queue;
    std::counting_semaphore<> woken{0};
    std::vector<std::optional<std::string>> results;
    proto::VmId lastNextId = 0;

    Owner() {
        queue.setWake([this] { woken.release(); });
    }
    StateStore::Post post() {
        return [this](common::TaskQueue::Task task) { queue.post(std::move(task)); };
    }
    StateStore::Saved saved() {
        return [this](const std::optional<std::string>& error, proto::VmId nextId) {
            results.push_back(error);
            lastNextId = nextId;
        };
    }
    const std::optional<std::string>& nextResult() {
        const std::size_t before = results.size();
        while (results.size() == before) {
            woken.acquire();
            queue.drain();
        }
        return results.back();
    }
};

core::SavedState withNextId(proto::VmId nextId) {
    auto state = exampleState();
    state.nextId = nextId;
    return state;
}
core::SavedState loaded(const std::string& folder) {
    return loadState(folder + "/vms.state", common::readClocks()).state;
}

}  // namespace

TEST_CASE("a saved state is there for the next start") {
    const TemporaryFolder folder;
    const std::string state = folder / "lib/rollo-agent";
    {
        Owner owner;
        StateStore store(state, owner.post(), owner.saved());
        CHECK(store.load(common::readClocks()).state == core::SavedState{});
        store.save(exampleState());
        CHECK(owner.nextResult() == std::nullopt);
        CHECK(store.finish(10s));
    }
    CHECK((std::filesystem::status(state).permissions() & std::filesystem::perms::mask) ==
          static_cast<std::filesystem::perms>(0700));
    Owner owner;
    StateStore store(state, owner.post(), owner.saved());
    CHECK(store.load(common::readClocks()).state == exampleState());
}

TEST_CASE("of many states the newest is what stays, and finish waits for it") {
    const TemporaryFolder folder;
    Owner owner;
    StateStore store(folder.path(), owner.post(), owner.saved());
    for (int i = 0; i < 500; ++i) store.save(withNextId(2000000 + i));
    CHECK(store.finish(30s));
    CHECK(loaded(folder.path()).nextId == 2000499);
    owner.queue.drain();
    CHECK(owner.results.size() >= 1);
    CHECK(owner.results.size() <= 500);
}

TEST_CASE("a save that fails is told, and tried again with the next one") {
    const TemporaryFolder folder;
    Owner owner;
    StateStore store(folder.path(), owner.post(), owner.saved());
    // A folder in the file's place: root, too, cannot replace it.
    const std::string obstacle = folder / "vms.state/x";
    std::filesystem::create_directories(obstacle);
    store.save(withNextId(2000001));
    const auto error = owner.nextResult();
    REQUIRE(error);
    CHECK(owner.lastNextId == 2000001);
    CHECK(error->find((folder / "vms.state") + ": cannot be written: ") == 0);
    std::filesystem::remove_all(folder / "vms.state");
    store.save(withNextId(2000002));
    CHECK(owner.nextResult() == std::nullopt);
    CHECK(owner.lastNextId == 2000002);
    CHECK(loaded(folder.path()).nextId == 2000002);
}

TEST_CASE("a save that failed is tried once more at the end") {
    const TemporaryFolder folder;
    Owner owner;
    StateStore store(folder.path(), owner.post(), owner.saved());
    std::filesystem::create_directories(folder / "vms.state/x");
    store.save(withNextId(2000001));
    REQUIRE(owner.nextResult());
    std::filesystem::remove_all(folder / "vms.state");
    CHECK(store.finish(10s));
    CHECK(loaded(folder.path()).nextId == 2000001);
}

TEST_CASE("a folder is one agent's alone, until that one ends") {
    const TemporaryFolder folder;
    Owner owner;
    {
        StateStore store(folder.path(), owner.post(), owner.saved());
        CHECK_THROWS_WITH(StateStore(folder.path(), owner.post(), owner.saved()),
                          (folder.path() + ": in use by another rollo-agent").c_str());
    }
    CHECK_NOTHROW(StateStore(folder.path(), owner.post(), owner.saved()));
}

TEST_CASE("a folder that cannot be made is an error that names it") {
    const TemporaryFolder folder;
    folder.write("file", "");
    Owner owner;
    CHECK_THROWS_WITH(StateStore(folder / "file/state", owner.post(), owner.saved()),
                      ((folder / "file/state") + ": cannot be made: Not a directory").c_str());
    CHECK_THROWS_AS(StateStore(folder / "file", owner.post(), owner.saved()), std::runtime_error);
}

TEST_CASE("killed while it writes, the file is one of the states that were saved") {
    const TemporaryFolder folder;
    REQUIRE_FALSE(saveState(folder / "vms.state", withNextId(2000000)));
    for (int round = 0; round < 20; ++round) {
        const pid_t writer = fork();
        REQUIRE(writer >= 0);
        if (writer == 0) {
            for (int i = 1;; ++i) saveState(folder / "vms.state", withNextId(2000000 + i));
        }
        usleep(static_cast<useconds_t>(1000 + round * 531));
        REQUIRE(kill(writer, SIGKILL) == 0);
        REQUIRE(waitpid(writer, nullptr, 0) == writer);
        const LoadReport report = loadState(folder / "vms.state", common::readClocks());
        CHECK(report.warnings.empty());
        CHECK(report.state == withNextId(report.state.nextId));
        CHECK_FALSE(std::filesystem::exists(folder / "vms.state.new"));
    }
}
