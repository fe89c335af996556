// SPDX-License-Identifier: Apache-2.0
#include "agent/live_files.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/log.hpp"
#include "common/unique_fd.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::agent;
using namespace std::chrono_literals;
using rollo::tests::TemporaryFolder;

namespace {

/// What the log was told, by whichever thread.
class Told {
  public:
    Told() {
        common::log::setSink([this](common::log::Level, std::string_view text, const auto&) {
            const std::lock_guard lock(mutex_);
            lines_.emplace_back(text);
        });
    }
    ~Told() {
        common::log::setSink([](common::log::Level, std::string_view, const auto&) {});
    }
    std::ptrdiff_t count(std::string_view text) const {
        const std::lock_guard lock(mutex_);
        return std::ranges::count_if(lines_, [&](const auto& line) { return line.contains(text); });
    }

  private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

/// A configuration with one key beside it, looked at as often as the test asks.
class Bench {
  public:
    TemporaryFolder folder;
    Told told;
    std::shared_ptr<common::TaskQueue> tasks = std::make_shared<common::TaskQueue>();
    std::vector<FreshFiles> taken;

    Bench() {
        config("");
        secret("first");
        deny("");
    }
    /// `more` begins in the section auth.
    void config(std::string_view more) {
        folder.write("agent.toml", "[auth]\nhs256_secret_file = \"" + (folder / "secret") +
                                       "\"\ndeny_file = \"" + (folder / "denied") + "\"\n" +
                                       std::string(more));
    }
    void secret(std::string_view text) {
        folder.write("secret", std::string(text) + std::string(40, 'x'));
    }
    void deny(std::string_view text) { folder.write("denied", text); }

    std::unique_ptr<LiveFiles> files;

    void start() {
        const ConfigSource source{folder / "agent.toml", {}};
        files = std::make_unique<LiveFiles>(
            loadConfig(source)->config, source,
            [queue = tasks](auto task) { queue->post(std::move(task)); },
            [this](FreshFiles fresh) { taken.push_back(std::move(fresh)); });
    }
    /// Looks until that is so.
    template <class Condition>
    bool until(Condition condition, std::chrono::seconds limit = 20s) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            files->tick(common::readClocks());
            tasks->drain();
            std::this_thread::sleep_for(1ms);
        }
        return true;
    }
};

core::Principal user(std::string name) {
    core::Principal principal;
    principal.user = std::move(name);
    return principal;
}

}  // namespace

TEST_CASE("keys and deny list are read when they change, and not when they do not") {
    Bench bench;
    bench.start();
    bench.deny("sub mallory\n");
    REQUIRE(bench.until([&] { return !bench.taken.empty(); }));
    CHECK(bench.taken[0].verifier->denies(user("mallory")));
    CHECK_FALSE(bench.taken[0].settings);
    CHECK_FALSE(bench.taken[0].tls);
    CHECK_FALSE(bench.taken[0].endReload);
    bench.secret("second");
    REQUIRE(bench.until([&] { return bench.taken.size() == 2; }));
    CHECK(bench.taken[1].verifier->keys().keys()[0].material.starts_with("second"));
    CHECK(bench.taken[1].verifier->denies(user("mallory")));
    CHECK(bench.told.count("read again") == 2);
}

TEST_CASE("what is not good changes nothing and is told once for each change") {
    Bench bench;
    bench.start();
    bench.deny("nonsense\n");
    REQUIRE(bench.until([&] { return bench.told.count("stay as they were") == 1; }));
    // Several looks later.
    bench.folder.write("secret", "short");
    REQUIRE(bench.until([&] { return bench.told.count("stay as they were") == 2; }));
    bench.secret("good again");
    REQUIRE(bench.until([&] { return bench.told.count("stay as they were") == 3; }));
    CHECK(bench.taken.empty());
    CHECK(bench.told.count("denied:1: ") == 2);
    bench.deny("");
    REQUIRE(bench.until([&] { return bench.taken.size() == 1; }));
    CHECK(bench.told.count("stay as they were") == 3);
}

TEST_CASE("a certificate that is not good keeps no key out, and neither is told twice") {
    Bench bench;
    bench.config("[tls]\ncertificate_file = \"" + (bench.folder / "crt") + "\"\nkey_file = \"" +
                 (bench.folder / "key") + "\"\n[server]\nlisten = [\"tls:127.0.0.1:1\"]\n");
    bench.start();
    bench.deny("nonsense\n");
    REQUIRE(bench.until([&] { return bench.told.count("stay as they were") == 1; }));
    // This takes two looks more, in which the deny list is as bad as before.
    bench.folder.write("crt", "nonsense");
    REQUIRE(bench.until([&] { return bench.told.count("certificate stays as it was") == 1; }));
    CHECK(bench.told.count("stay as they were") == 1);
    bench.deny("sub mallory\n");
    REQUIRE(bench.until([&] { return bench.taken.size() == 1; }));
    CHECK(bench.taken[0].verifier->denies(user("mallory")));
    CHECK(bench.told.count("certificate stays as it was") == 1);
}

TEST_CASE("what failed for a reason that passes is read without a change of the file") {
    Bench bench;
    bench.start();
    rlimit limit{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlimit none{0, limit.rlim_max};
    bench.deny("sub mallory\n");
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    const bool told = bench.until([&] { return bench.told.count("stay as they were") == 1; });
    setrlimit(RLIMIT_NOFILE, &limit);
    REQUIRE(told);
    REQUIRE(bench.until([&] { return bench.taken.size() == 1; }));
    CHECK(bench.taken[0].verifier->denies(user("mallory")));
    CHECK(bench.told.count("stay as they were") == 1);
}

TEST_CASE("a reload reads everything, or leaves everything as it was") {
    Bench bench;
    bench.start();
    bench.config("anonymous = true\nleeway_seconds = 9\n[server]\nmax_rules = 9\n");
    bench.files->reload();
    REQUIRE(bench.until([&] { return bench.taken.size() == 1; }));
    REQUIRE(bench.taken[0].settings);
    CHECK(bench.taken[0].endReload);
    CHECK(bench.taken[0].verifier);
    CHECK(bench.taken[0].settings->server.anonymous);
    CHECK(bench.taken[0].settings->config.auth.leeway == 9s);
    CHECK(bench.taken[0].settings->config.server.maxRules == 64);
    CHECK(bench.taken[0].settings->changes ==
          std::vector<ConfigChange>{{"server.max_rules", "64", "9", true},
                                    {"auth.anonymous", "false", "true", false},
                                    {"auth.leeway_seconds", "5", "9", false}});

    SUBCASE("a configuration that is wrong") {
        bench.config("anonymous = 7\n");
    }
    SUBCASE("a configuration that is good and names what is not") {
        bench.config("");
        bench.deny("nonsense\n");
    }
    bench.files->reload();
    REQUIRE(bench.until([&] { return bench.taken.size() == 2; }));
    CHECK_FALSE(bench.taken[1].settings);
    CHECK_FALSE(bench.taken[1].verifier);
    CHECK(bench.taken[1].endReload);
    CHECK(bench.told.count("the configuration stays as it was") == 1);
}

TEST_CASE("what a reload names is watched from then on") {
    Bench bench;
    bench.start();
    bench.folder.write("ring/one.hs256.secret", std::string(40, '1'));
    bench.config("keys_dir = \"" + (bench.folder / "ring") + "\"\n");
    bench.files->reload();
    REQUIRE(bench.until([&] { return bench.taken.size() == 1; }));
    CHECK(bench.taken[0].verifier->keys().keys().size() == 2);
    bench.folder.write("ring/two.hs256.secret", std::string(40, '2'));
    REQUIRE(bench.until([&] { return bench.taken.size() == 2; }));
    CHECK(bench.taken[1].verifier->keys().keys().size() == 3);
}

TEST_CASE("a configuration that changes is not read before a reload") {
    Bench bench;
    bench.start();
    bench.config("anonymous = true\n");
    bench.deny("sub mallory\n");
    REQUIRE(bench.until([&] { return bench.taken.size() == 1; }));
    CHECK_FALSE(bench.taken[0].settings);
}

TEST_CASE("a read that hangs holds nobody up, loses no reload, and can be given up") {
    Bench bench;
    bench.start();
    const std::string pipe = bench.folder / "agent.toml";
    std::filesystem::remove(pipe);
    REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
    bench.files->reload();
    common::UniqueFd writer;
    REQUIRE(bench.until([&] {  // it opens as soon as somebody reads
        writer = common::UniqueFd(open(pipe.c_str(), O_WRONLY | O_NONBLOCK));
        return static_cast<bool>(writer);
    }));
    SUBCASE("at the end") {
        CHECK_FALSE(bench.files->finish(50ms));
        bench.tasks->close();
    }
    SUBCASE("for a while") {
        // Those that come meanwhile are one.
        for (int i = 0; i < 100; ++i) {
            bench.files->reload();
            bench.files->tick(common::readClocks());
        }
        CHECK(bench.taken.empty());
        std::filesystem::remove(pipe);
        bench.config("leeway_seconds = 2\n");
        const std::string_view slow = "[auth]\nleeway_seconds = 1\n";
        REQUIRE(write(writer.get(), slow.data(), slow.size()) == std::ssize(slow));
        writer = common::UniqueFd();
        REQUIRE(bench.until([&] { return bench.taken.size() == 2; }));
        CHECK(bench.taken[0].settings->config.auth.leeway == 1s);
        CHECK(bench.taken[1].settings->config.auth.leeway == 2s);
        CHECK_FALSE(bench.taken[0].endReload);
        CHECK(bench.taken[1].endReload);
        bench.deny("sub mallory\n");
        REQUIRE(bench.until([&] { return bench.taken.size() == 3; }));
        CHECK_FALSE(bench.taken[2].endReload);
    }
}
