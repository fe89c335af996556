// SPDX-License-Identifier: Apache-2.0
#include "agent/core/console_report.hpp"
#include "tests/unit/core/console_bench.hpp"

namespace rollo::tests {
namespace {

using core::ConsoleFailure;

TEST_CASE("the console outlives the guest") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened().print("first");
    ann->heard();
    bench.calls();
    bench.host.reboot(1, 11);
    CHECK(ann->heard() == Lines{"reboot"});
    CHECK(bench.calls() == Lines{});
    bench.host.on(1, core::Lifecycle::stopped, "destroyed");
    bench.host.hypervisor.output = {0, " and last"};
    bench.ended();
    CHECK(ann->heard() == Lines{"waiting_for_vm, 1 here", "\" and last\"", "stopped"});
    CHECK(bench.calls() == Lines{"close 1"});
    bench.pass(5000);
    CHECK(bench.calls() == Lines{});
    bench.start(12);
    CHECK(bench.calls() == Lines{"open 2 serial0"});
    bench.opened();
    CHECK(ann->heard() == Lines{"started", "connected, 1 here", "gap 14..14"});
    bench.print("second");
    CHECK(ann->heard() == Lines{"\"second\""});
}

TEST_CASE("a stop waits two seconds for the last words, and a start not even that") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    ann->heard();
    bench.host.on(1, core::Lifecycle::stopped, "destroyed");
    bench.pass(1999);
    CHECK(ann->heard() == Lines{"waiting_for_vm, 1 here"});
    bench.pass(1);
    CHECK(ann->heard() == Lines{"stopped"});
    bench.start(12).opened();
    ann->heard();
    bench.calls();
    bench.host.on(1, core::Lifecycle::stopped, "destroyed");
    bench.start(13);
    CHECK(bench.calls() == Lines{"close 2", "open 3 serial0"});
}

TEST_CASE("a stream that ends just before the VM stops causes no alarm") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    ann->heard();
    bench.ended().pass(200);
    CHECK(ann->heard() == Lines{});
    bench.host.on(1, core::Lifecycle::stopped, "failed");
    CHECK(ann->heard() == Lines{"waiting_for_vm, 1 here", "stopped"});
}

TEST_CASE("a guest whose end is told long after its stream has ended has said all it had to") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened().print("x").ended().pass(600);
    ann->heard();
    bench.host.on(1, core::Lifecycle::stopped, "destroyed");
    CHECK(ann->heard() == Lines{"waiting_for_vm, 1 here", "stopped"});
}

TEST_CASE("what was held back when such a stream ended is read from the file at the end") {
    ConsoleBench bench;
    const std::vector devices{serial("serial0", core::ConsoleLogFile{"/log", true})};
    bench.begin(devices);
    auto ann = bench.watchBinary();
    bench.opened(file("abc")).print("held").ended().pass(600);
    ann->heard();
    bench.failed(ConsoleFailure::libvirt);
    bench.calls();
    bench.host.on(1, core::Lifecycle::stopped, "destroyed");
    CHECK(bench.calls() == Lines{"open 3 serial0"});
    bench.failed(ConsoleFailure::notRunning, file("abcheld"));
    CHECK(ann->heard() ==
          Lines{"suspended, 1 here", "waiting_for_vm, 1 here", "\"held\"", "stopped"});
}

TEST_CASE("a guest that is killed takes its terminal along, but not its log file") {
    ConsoleBench bench;
    const std::vector devices{serial("serial0", core::ConsoleLogFile{"/log", true})};
    bench.begin(devices);
    auto ann = bench.watchBinary();
    bench.opened(file("abc")).pass(1500).log(file("", 3));
    bench.print("def").ended();
    ann->heard();
    bench.calls();
    bench.host.on(1, core::Lifecycle::stopped, "failed");
    CHECK(bench.calls() == Lines{"open 2 serial0"});
    bench.failed(ConsoleFailure::notRunning, file("abcdefghi"));
    CHECK(ann->heard() == Lines{"waiting_for_vm, 1 here", "\"ghi\"", "stopped"});
    CHECK(bench.calls() == Lines{"close 2"});
}

TEST_CASE("what the guest printed before anybody could read it comes from the log file") {
    ConsoleBench bench;
    const std::vector devices{serial("serial0", core::ConsoleLogFile{"/log", false})};
    bench.begin(devices, false);
    auto ann = bench.watchBinary();
    CHECK(ann->heard() == Lines{"waiting_for_vm, 1 here", "attached 0..0"});
    bench.start(12).opened(file("SeaBIOS\n"));
    CHECK(ann->heard() == Lines{"started", "connected, 1 here", "\"SeaBIOS\n\""});
    bench.calls();
    bench.pass(300).print("login: ").pass(100);
    CHECK(bench.calls() == Lines{"log 1 from 8"});
    CHECK(ann->heard() == Lines{});
    bench.log(file("Linux\nlogin: ", 8));
    CHECK(ann->heard() == Lines{"\"Linux\nlogin: \""});
    bench.print("root\n");
    CHECK(ann->heard() == Lines{"\"root\n\""});
    bench.host.on(1, core::Lifecycle::stopped, "destroyed");
    bench.ended();
    bench.start(13).opened(file("SeaBIOS again\n"));
    bench.print("x").pass(100).log(std::nullopt);
    ann->heard();
    auto bob = bench.watchBinary(person("bob"));
    CHECK(bob->heard() == Lines{"connected, 2 here", "attached 0..41", "started",
                                "\"SeaBIOS\nLinux\nlogin: root\n\"", "stopped", "started",
                                "\"SeaBIOS again\n\"", "gap 40..40", "\"x\""});
}

TEST_CASE("a guest that dies before its stream brought anything leaves its words in the log file") {
    ConsoleBench bench;
    const std::vector devices{serial("serial0", core::ConsoleLogFile{"/log", false})};
    bench.begin(devices, false);
    auto ann = bench.watchBinary();
    bench.start(12).opened(file(""));
    bench.calls();
    ann->heard();
    bench.host.on(1, core::Lifecycle::stopped, "failed");
    CHECK(bench.calls() == Lines{"log 1 from 0"});
    bench.ended().log(file("no boot device\n"));
    CHECK(ann->heard() == Lines{"waiting_for_vm, 1 here", "\"no boot device\n\"", "stopped"});
    CHECK(bench.calls() == Lines{"close 1"});
}

TEST_CASE("a guest that is gone before there was a stream has left its words in the log file") {
    ConsoleBench bench;
    const std::vector devices{serial("serial0", core::ConsoleLogFile{"/log", false})};
    bench.begin(devices);
    auto ann = bench.watchBinary();
    bench.opened(file("one ")).pass(1500).log(file("", 4));
    bench.host.lose();
    ann->heard();
    bench.calls();
    bench.host.open().list({withConsoles(claiming(stoppedVm(1), 1), devices)});
    CHECK(bench.calls() == Lines{"open 2 serial0"});
    bench.failed(ConsoleFailure::notRunning, file("one two"));
    CHECK(ann->heard() == Lines{"waiting_for_vm, 1 here", "\"two\"", "stopped"});
    CHECK(bench.calls() == Lines{"close 2"});

    bench.start(12);
    bench.host.on(1, core::Lifecycle::stopped, "crashed");
    bench.failed(ConsoleFailure::notRunning, file("boom"));
    CHECK(ann->heard() == Lines{"started", "\"boom\"", "stopped"});

    ConsoleBench without;
    without.begin();
    auto bob = without.watchBinary(person("bob"));
    without.opened().print("x");
    without.host.lose();
    bob->heard();
    without.host.open().list({withConsoles(claiming(stoppedVm(1), 1), {serial("serial0")})});
    CHECK(core::consoleText(without.consoles->find(uuid(1), "serial0"), {}, {}) ==
          "x\r\n[rollo: something may be missing here]\r\n");
}

TEST_CASE("a guest that migrated away: its viewers look for it on its new host") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    bench.host.on(1, core::Lifecycle::stopped, "migrated");
    CHECK(ann->ear.farewells() == Lines{});
    bench.ended();
    CHECK(ann->ear.farewells() == Lines{"migrated"});
}

TEST_CASE("a VM that is gone may come back under its UUID") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened().print("x").stop("destroyed");
    bench.host.on(1, core::Lifecycle::undefined, "removed");
    bench.tick(1000);
    ann->heard();
    bench.host.list({withConsoles(claiming(runningVm(1, 12), 1), {serial("serial0")})});
    bench.tick(1000).opened();
    CHECK(ann->heard().front() == "suspended, 1 here");
    bench.print("y");
    CHECK(ann->heard() == Lines{"\"y\""});
}

}  // namespace
}  // namespace rollo::tests
