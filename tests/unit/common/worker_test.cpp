// SPDX-License-Identifier: Apache-2.0
#include "common/worker.hpp"

#include <doctest/doctest.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "common/log.hpp"

using namespace rollo::common;
using namespace std::chrono_literals;

namespace {

/// A task that hangs until it is let go; it owns what it waits on.
struct Hang {
    std::latch begun{1};
    std::latch release{1};

    static Worker::Task task(std::shared_ptr<Hang> hang) {
        return [hang = std::move(hang)] {
            hang->begun.count_down();
            hang->release.wait();
        };
    }
};

}  // namespace

TEST_CASE("a worker runs its tasks in order and finishes with all of them done") {
    std::vector<int> ran;
    Worker worker("test");
    for (int i = 0; i < 100; ++i) worker.post([&ran, i] { ran.push_back(i); });
    CHECK(worker.finish(10s));
    REQUIRE(ran.size() == 100);
    CHECK(ran.front() == 0);
    CHECK(ran.back() == 99);
    CHECK(worker.idle());
}

TEST_CASE("a worker knows how long it has been busy") {
    Worker worker("test");
    const auto hang = std::make_shared<Hang>();
    worker.post(Hang::task(hang));
    hang->begun.wait();
    const Monotonic now = readClocks().mono;
    REQUIRE(worker.busyFor(now));
    CHECK(*worker.busyFor(now + 5s) >= 5s);
    CHECK(*worker.busyFor(Monotonic{}) == 0ns);
    CHECK_FALSE(worker.idle());
    hang->release.count_down();
    CHECK(worker.finish(10s));
    CHECK_FALSE(worker.busyFor(readClocks().mono));
    CHECK(worker.idle());
}

TEST_CASE("a worker that hangs is given up, and its thread ends by itself later") {
    const auto hang = std::make_shared<Hang>();
    const auto dropped = std::make_shared<int>();
    {
        Worker worker("test");
        worker.post(Hang::task(hang));
        worker.post([dropped] {});
        hang->begun.wait();
        CHECK_FALSE(worker.finish(1ms));
        CHECK(dropped.use_count() == 1);
        worker.post([dropped] {});
        CHECK(dropped.use_count() == 1);
    }
    CHECK(hang.use_count() == 2);
    hang->release.count_down();
    while (hang.use_count() > 1) std::this_thread::yield();
}

TEST_CASE("giving up an idle worker returns at once, twice too") {
    Worker worker("test");
    worker.giveUp();
    worker.giveUp();
    CHECK(worker.finish(10s));
}

TEST_CASE("destruction waits for the task that runs and drops the others") {
    const auto hang = std::make_shared<Hang>();
    const auto dropped = std::make_shared<int>();
    auto worker = std::make_unique<Worker>("test");
    worker->post(Hang::task(hang));
    worker->post([dropped] {});
    hang->begun.wait();

    std::atomic<bool> destroyed = false;
    std::jthread destroyer([&] {
        worker.reset();
        destroyed = true;
    });
    while (dropped.use_count() > 1) std::this_thread::yield();
    CHECK_FALSE(destroyed);
    hang->release.count_down();
    destroyer.join();
    CHECK(destroyed);
    CHECK(hang.use_count() == 1);
}

TEST_CASE("a task that throws is logged and costs nothing else") {
    std::string logged;
    log::setSink([&](log::Level, std::string_view message, const log::Fields&) {
        logged = std::string(message);
    });
    bool next = false;
    Worker worker("thrower");
    worker.post([] { throw std::runtime_error("no disk"); });
    worker.post([&] { next = true; });
    CHECK(worker.finish(10s));
    log::setSink(nullptr);
    CHECK(next);
    CHECK(logged == "a task of thread thrower failed: no disk");
}

TEST_CASE("the thread bears its name and leaves signals to others") {
    std::string name;
    sigset_t blocked;
    sigemptyset(&blocked);
    Worker worker("a-name-that-is-too-long");
    worker.post([&] {
        char text[32];
        pthread_getname_np(pthread_self(), text, sizeof text);
        name = text;
        pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    });
    CHECK(worker.finish(10s));
    CHECK(name == "a-name-that-is-");
    CHECK(sigismember(&blocked, SIGTERM) == 1);
    CHECK(sigismember(&blocked, SIGSEGV) == 0);
    sigset_t here;
    pthread_sigmask(SIG_SETMASK, nullptr, &here);
    CHECK(sigismember(&here, SIGTERM) == 0);
}
