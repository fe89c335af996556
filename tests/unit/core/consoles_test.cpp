// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core/console_bench.hpp"

namespace rollo::tests {
namespace {

TEST_CASE("a stream goes some time after the last viewer, and stays where it is configured") {
    ConsoleBench bench;
    bench.settings.linger = std::chrono::seconds(10);
    bench.begin();
    bench.watchBinary();
    bench.opened().print("kept");
    bench.calls();
    bench.tick(9'999);
    CHECK(bench.calls() == Lines{});
    bench.tick(1);
    CHECK(bench.calls() == Lines{"close 1"});
    auto ann = bench.watchBinary();
    CHECK(ann->heard().back() == "\"kept\"");
    CHECK(bench.calls() == Lines{"open 2 serial0"});

    ConsoleBench always;
    always.settings.attachAlways = true;
    always.begin({serial("serial0"), {"serial1", core::ConsoleDevice::Kind::serial, "unix", {}}});
    always.tick();
    CHECK(always.calls() == Lines{"open 1 serial0"});
    always.opened().print("at night");
    always.stop("crashed").tick(100'000);
    CHECK(always.watchBinary()->heard() ==
          Lines{"waiting_for_vm, 1 here", "attached 0..8", "\"at night\"", "stopped"});
}

TEST_CASE("what is kept by configuration is attached to as soon as it starts") {
    ConsoleBench bench;
    bench.settings.attachAlways = true;
    bench.begin({serial("serial0")}, false);
    CHECK(bench.calls() == Lines{});
    bench.start(12);
    CHECK(bench.calls() == Lines{"open 1 serial0"});
    bench.opened().print("x");
    CHECK(bench.watchBinary()->heard() ==
          Lines{"connected, 1 here", "attached 0..1", "started", "\"x\""});
    auto another = withConsoles(claiming(runningVm(2, 13), 2), {serial("serial0")});
    bench.calls();
    bench.host.list({withConsoles(claiming(runningVm(1, 12), 1), {serial("serial0")}), another});
    CHECK(bench.calls() == Lines{"open 2 serial0"});
}

TEST_CASE("a VM's metadata decides for its own consoles") {
    ConsoleBench bench;
    bench.begin();
    auto description = withConsoles(claiming(runningVm(1, 11), 1), {serial("serial0")});
    description.attachAlways = true;
    bench.host.list({description});
    bench.tick();
    CHECK(bench.calls() == Lines{"open 1 serial0"});
    bench.opened();
    description.attachAlways = false;
    bench.host.list({description});
    bench.tick();
    CHECK(bench.calls() == Lines{"close 1"});
}

TEST_CASE("a device that is no pseudo terminal says so") {
    ConsoleBench bench;
    bench.begin({{"serial0", core::ConsoleDevice::Kind::serial, "unix", {}}});
    auto ann = bench.watchBinary();
    CHECK(ann->heard() == Lines{"closed, 1 here", "attached 0..0"});
    CHECK(bench.calls() == Lines{});
}

TEST_CASE("several devices of a VM are consoles of their own") {
    ConsoleBench bench;
    bench.begin({serial("serial0"), serial("console1")});
    auto first = bench.watchBinary();
    bench.opened().print("first");
    auto second = bench.watchBinary(person("bob"), {.device = "console1"});
    CHECK(bench.calls() == Lines{"open 1 serial0", "open 2 console1"});
    bench.opened().print("second");
    CHECK(first->heard() == Lines{"connected, 1 here", "attached 0..0", "\"first\""});
    CHECK(second->heard() == Lines{"connected, 1 here", "attached 0..0", "\"second\""});
}

TEST_CASE("no more streams than allowed: one without viewers gives way to one with") {
    ConsoleBench bench;
    bench.settings.maxAttached = 1;
    bench.begin({serial("serial0"), serial("serial1"), serial("serial2")});
    bench.watchBinary();
    bench.opened();
    bench.calls();
    auto ann = bench.watchBinary(person("ann"), {.device = "serial1"});
    CHECK(bench.calls() == Lines{"close 1", "open 2 serial1"});
    bench.opened();
    auto bob = bench.watchBinary(person("bob"), {.device = "serial2"});
    CHECK(bob->heard() == Lines{"suspended, 1 here", "attached 0..0"});
    CHECK(bench.calls() == Lines{});
    ann.reset();
    bench.pass(1000);
    CHECK(bench.calls() == Lines{"close 2", "open 3 serial2"});
}

TEST_CASE("consoles that are kept by configuration do not oust each other") {
    ConsoleBench bench;
    bench.settings.maxAttached = 1;
    bench.settings.attachAlways = true;
    bench.begin({serial("serial0"), serial("serial1")});
    bench.tick();
    CHECK(bench.calls() == Lines{"open 1 serial0"});
    bench.opened().tick(10'000);
    CHECK(bench.calls() == Lines{});
}

TEST_CASE("what nobody needs is forgotten") {
    ConsoleBench bench;
    bench.settings.linger = std::chrono::seconds(10);
    bench.begin({serial("serial0"), serial("serial1")});
    bench.watchBinary();
    bench.opened().print("x");
    bench.watchBinary(person("ann"), {.device = "serial1"});
    bench.opened().tick(9'000);
    CHECK(bench.consoles->find(uuid(1), "serial0"));
    CHECK(bench.consoles->find(uuid(1), "serial1"));
    bench.tick(1'000);
    CHECK(bench.consoles->find(uuid(1), "serial0"));
    CHECK_FALSE(bench.consoles->find(uuid(1), "serial1"));
    bench.host.on(1, core::Lifecycle::stopped, "destroyed");
    bench.host.on(1, core::Lifecycle::undefined, "removed");
    bench.tick(1'000);
    CHECK_FALSE(bench.consoles->find(uuid(1), "serial0"));
}

TEST_CASE("all scrollbacks together stay within their limit, the unwatched go first") {
    ConsoleBench bench;
    bench.settings.totalBytes = 200'000;
    bench.begin({serial("serial0"), serial("serial1")});
    bench.watchBinary();
    bench.opened().print(std::string(150'000, 'a'));
    auto ann = bench.watchBinary(person("ann"), {.device = "serial1"});
    bench.opened().print(std::string(160'000, 'b'));
    bench.tick();
    const auto figures = bench.consoles->figures();
    CHECK(figures.keptBytes <= 200'000);
    CHECK(figures.keptBytes >= 160'000);
    CHECK(bench.consoles->find(uuid(1), "serial1")->scrollback().size() == 160'000);
    CHECK(figures.outputBytes == 310'000);
    CHECK(figures.viewers == 1);
}

TEST_CASE("a user has so many viewers, of all consoles together, and the others have theirs") {
    ConsoleBench bench;
    bench.settings.maxPerUser = 2;
    bench.begin({serial("serial0"), serial("serial1")});
    auto first = bench.watch();
    auto second = bench.watch(person("ann"), {.device = "serial1"});
    const auto asks = [&](const char* user) {
        core::ConsoleViewer::Opening opening;
        opening.vm = "1";
        return Watcher(bench, person(user), std::move(opening)).viewer.isOneTooMany();
    };
    CHECK(bench.consoles->viewersOf("ann") == 2);
    CHECK(asks("ann"));
    CHECK_FALSE(asks("bob"));
    first.reset();
    CHECK_FALSE(asks("ann"));
}

}  // namespace
}  // namespace rollo::tests
