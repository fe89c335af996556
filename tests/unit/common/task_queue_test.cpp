// SPDX-License-Identifier: Apache-2.0
#include "common/task_queue.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <semaphore>
#include <stdexcept>
#include <thread>

using namespace rollo::common;

TEST_CASE("tasks run in order, once") {
    TaskQueue queue;
    std::vector<int> ran;
    for (int i = 0; i < 3; ++i) queue.post([&ran, i] { ran.push_back(i); });
    CHECK(queue.drain() == 3);
    CHECK(ran == std::vector{0, 1, 2});
    CHECK(queue.drain() == 0);
}

TEST_CASE("what a task posts waits for the next drain") {
    TaskQueue queue;
    int ran = 0;
    queue.post([&] {
        ++ran;
        queue.post([&] { ++ran; });
    });
    CHECK(queue.drain() == 1);
    CHECK(ran == 1);
    CHECK(queue.drain() == 1);
    CHECK(ran == 2);
}

TEST_CASE("only the post that makes the queue non-empty wakes") {
    TaskQueue queue;
    int woken = 0;
    queue.setWake([&] { ++woken; });
    queue.post([] {});
    queue.post([] {});
    CHECK(woken == 1);
    queue.post([&] { queue.post([] {}); });
    queue.drain();
    CHECK(woken == 2);
    queue.drain();
    queue.post([] {});
    CHECK(woken == 3);
}

TEST_CASE("a wake hook that comes late learns of what waits") {
    TaskQueue queue;
    int woken = 0;
    queue.post([] {});
    queue.setWake([&] { ++woken; });
    CHECK(woken == 1);
}

TEST_CASE("a closed queue drops what waits, runs nothing and wakes nobody") {
    TaskQueue queue;
    int woken = 0;
    queue.setWake([&] { ++woken; });
    const auto held = std::make_shared<int>();
    queue.post([held] {});
    queue.close();
    CHECK(held.use_count() == 1);
    queue.post([held] {});
    CHECK(held.use_count() == 1);
    CHECK(queue.drain() == 0);
    CHECK(woken == 1);
}

TEST_CASE("a task that closes the queue is the last one") {
    TaskQueue queue;
    bool ranAfter = false;
    queue.post([&] { queue.close(); });
    queue.post([&] { ranAfter = true; });
    CHECK(queue.drain() == 1);
    CHECK_FALSE(ranAfter);
}

TEST_CASE("a task lets go of what it owns as soon as it has run") {
    TaskQueue queue;
    const auto held = std::make_shared<int>();
    long countInNext = 0;
    queue.post([held] {});
    queue.post([&] { countInNext = held.use_count(); });
    queue.drain();
    CHECK(countInNext == 1);
}

TEST_CASE("tasks of several threads all arrive, each thread's in order") {
    constexpr int perThread = 2000;
    TaskQueue queue;
    std::counting_semaphore<> wakes(0);
    queue.setWake([&] { wakes.release(); });
    std::vector<std::vector<int>> seen(4);
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < seen.size(); ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < perThread; ++i) queue.post([&, t, i] { seen[t].push_back(i); });
        });
    for (std::size_t ran = 0; ran < seen.size() * perThread;) {
        wakes.acquire();
        ran += queue.drain();
    }
    for (const auto& numbers : seen) {
        REQUIRE(numbers.size() == perThread);
        for (int i = 0; i < perThread; ++i) REQUIRE(numbers[static_cast<std::size_t>(i)] == i);
    }
}

TEST_CASE("no wake comes after close, whoever posts meanwhile") {
    for (int round = 0; round < 50; ++round) {
        TaskQueue queue;
        auto target = std::make_unique<int>(0);
        queue.setWake([&target = *target] { ++target; });
        std::jthread poster([&] {
            for (int i = 0; i < 100; ++i) queue.post([] {});
        });
        for (int i = 0; i < 10; ++i) queue.drain();
        queue.close();
        target.reset();
    }
}
