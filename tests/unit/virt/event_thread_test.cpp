// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/event_thread.hpp"

#include <doctest/doctest.h>
#include <libvirt/libvirt.h>

#include <future>
#include <stdexcept>
#include <string>
#include <vector>

using namespace rollo::virt;
using std::chrono::seconds;

TEST_CASE("tasks run in the order in which they were posted, on one thread") {
    EventThread thread;
    thread.start();
    std::string order;
    std::promise<void> done;
    thread.loop()->post([&] { order += 'a'; });
    thread.loop()->post([&] { throw std::runtime_error("a task that fails"); });
    thread.loop()->post([&] {
        order += 'b';
        thread.loop()->post([&] {
            order += 'c';
            done.set_value();
        });
    });
    REQUIRE(done.get_future().wait_for(seconds(10)) == std::future_status::ready);
    CHECK(order == "abc");
    CHECK(thread.stop(seconds(10)));
}

TEST_CASE("a task runs after the timers that were due when it was posted") {
    EventThread thread;
    thread.start();
    std::vector<std::string> order;
    std::promise<void> done;
    // As libvirt hands over its events: a timer that is set to 0 from another thread.
    thread.loop()->post([&] {
        virEventAddTimeout(
            0,
            [](int timer, void* opaque) {
                static_cast<std::vector<std::string>*>(opaque)->push_back("event");
                virEventRemoveTimeout(timer);
            },
            &order, nullptr);
        thread.loop()->post([&] {
            order.push_back("task");
            done.set_value();
        });
    });
    REQUIRE(done.get_future().wait_for(seconds(10)) == std::future_status::ready);
    CHECK(order == std::vector<std::string>{"event", "task"});
    CHECK(thread.stop(seconds(10)));
}

TEST_CASE("what was posted before the end still runs, what comes later does not") {
    EventThread thread;
    thread.start();
    bool before = false, after = false;
    thread.loop()->post([&] { before = true; });
    CHECK(thread.stop(seconds(10)));
    thread.loop()->post([&] { after = true; });
    CHECK(before);
    CHECK_FALSE(after);
}
