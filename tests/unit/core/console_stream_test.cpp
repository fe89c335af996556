// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core/console_bench.hpp"

namespace rollo::tests {
namespace {

using core::ConsoleFailure;

TEST_CASE("a device that somebody else has is reported, tried again, and taken when it is free") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.calls();
    bench.failed(ConsoleFailure::inUse);
    CHECK(ann->heard() == Lines{"in_use, 1 here", "attached 0..0"});
    CHECK(bench.calls() == Lines{"close 1"});
    bench.pass(249);
    CHECK(bench.calls() == Lines{});
    bench.pass(1);
    CHECK(bench.calls() == Lines{"open 2 serial0"});
    bench.failed(ConsoleFailure::inUse).pass(499);
    CHECK(bench.calls() == Lines{"close 2"});
    for (int i = 0; i < 10; ++i) bench.pass(5000).failed(ConsoleFailure::inUse);
    bench.calls();
    bench.pass(4999);
    CHECK(bench.calls() == Lines{});
    bench.pass(1);
    CHECK(ann->heard() == Lines{});
    bench.opened();
    CHECK(ann->heard() == Lines{"connected, 1 here"});
}

TEST_CASE("whoever is ousted does not fight") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened().print("x");
    ann->heard();
    bench.calls();
    bench.ended().pass(250);
    CHECK(bench.calls() == Lines{"close 1", "open 2 serial0"});
    bench.failed(ConsoleFailure::inUse);
    CHECK(ann->heard() == Lines{"preempted, 1 here"});
    bench.pass(250).failed(ConsoleFailure::inUse).pass(500).opened();
    CHECK(ann->heard() == Lines{"connected, 1 here", "gap 1..1"});
}

TEST_CASE("nobody knows what was printed before the first attach, and viewers are told") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    ann->tellsOfStart = true;
    bench.opened().print("x");
    CHECK(ann->heard() == Lines{"connected, 1 here", "attached 0..0", "gap 0..0", "\"x\""});
}

TEST_CASE("libvirt that goes while a stream is being joined: what was held back is in the file") {
    ConsoleBench bench;
    const auto device = serial("serial0", core::ConsoleLogFile{"/log", true});
    bench.begin({device});
    auto ann = bench.watchBinary();
    bench.opened(file("abc")).print("kept by the terminal");
    ann->heard();
    bench.host.lose();
    bench.host.open().list({withConsoles(claiming(runningVm(1, 11), 1), {device})});
    bench.pass(0).opened(file("abcabcdef"));
    CHECK(ann->heard() == Lines{"suspended, 1 here", "connected, 1 here", "\"abcdef\""});
}

TEST_CASE("force ends with those who asked for it") {
    ConsoleBench bench;
    bench.begin({serial("serial0")}, false);
    bench.watchBinary(person("eve", "admin"), {.forceDevice = true});
    bench.start(12);
    auto ann = bench.watchBinary();
    CHECK(bench.calls() == Lines{"open 1 serial0"});
    bench.failed(ConsoleFailure::inUse);
    bench.watchBinary(person("eve", "admin"), {.forceDevice = true});
    bench.failed(ConsoleFailure::inUse);
    CHECK(bench.calls() == Lines{"close 1", "open 2 serial0 by force", "close 2"});
    bench.pass(5000);
    CHECK(bench.calls() == Lines{"open 3 serial0"});
}

TEST_CASE("a stream that goes before the file was read leaves no gap: it is read the next time") {
    ConsoleBench bench;
    bench.settings.linger = std::chrono::seconds(1);
    const auto device = serial("serial0", core::ConsoleLogFile{"/log", true});
    bench.begin({device});
    bench.watchBinary();
    bench.opened(file("abc")).tick(1000);
    CHECK(bench.calls().back() == "close 1");
    auto ann = bench.watchBinary();
    bench.opened(file("abcdef"));
    CHECK(ann->heard() ==
          Lines{"suspended, 1 here", "attached 0..3", "\"abc\"", "connected, 1 here", "\"def\""});
}

TEST_CASE("force takes the device, once") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.failed(ConsoleFailure::inUse);
    bench.calls();
    CHECK(bench.watchBinary(person("bob"), {.forceDevice = true})->ear.farewells() ==
          Lines{"permission_denied"});
    auto eve = bench.watchBinary(person("eve", "admin"), {.forceDevice = true});
    CHECK(bench.calls() == Lines{"open 2 serial0 by force"});
    bench.opened().ended().pass(250);
    CHECK(bench.calls() == Lines{"close 2", "open 3 serial0"});
}

TEST_CASE("libvirt goes and comes back") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened().print("x");
    ann->heard();
    bench.calls();
    bench.ended();
    bench.host.lose();
    CHECK(ann->heard() == Lines{"suspended, 1 here"});
    bench.pass(60'000);
    CHECK(bench.calls() == Lines{"close 1"});
    bench.host.open().list({withConsoles(claiming(runningVm(1, 11), 1), {serial("serial0")})});
    bench.pass(0);
    CHECK(bench.calls() == Lines{"open 2 serial0"});
    bench.opened().print("y");
    CHECK(ann->heard() == Lines{"connected, 1 here", "gap 1..1", "\"y\""});
}

TEST_CASE("a frozen libvirt keeps its stream, which may lack something from there on") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened().print("x");
    ann->heard();
    bench.calls();
    bench.host.lose("keepalive");
    CHECK(ann->heard() == Lines{"suspended, 1 here", "gap 1..1"});
    bench.host.open().list({withConsoles(claiming(runningVm(1, 11), 1), {serial("serial0")})});
    bench.pass(0);
    bench.print("still here");
    CHECK(bench.calls() == Lines{});
    CHECK(ann->heard() == Lines{"connected, 1 here", "\"still here\""});
}

TEST_CASE("where there is a log file, a stream that may lack something is opened anew") {
    ConsoleBench bench;
    const auto device = serial("serial0", core::ConsoleLogFile{"/log", false});
    bench.begin({device});
    auto ann = bench.watchBinary();
    bench.opened(file("abc")).pass(1500).log(file("", 3));
    ann->heard();
    bench.calls();
    bench.host.lose("keepalive");
    CHECK(bench.calls() == Lines{"close 1"});
    bench.host.open().list({withConsoles(claiming(runningVm(1, 11), 1), {device})});
    bench.pass(0).opened(file("abcdef"));
    CHECK(bench.calls() == Lines{"open 2 serial0"});
    CHECK(ann->heard() == Lines{"suspended, 1 here", "connected, 1 here", "\"def\""});
}

TEST_CASE("a terminal that somebody else has read may have kept something for the next") {
    for (const bool others : {false, true}) {
        ConsoleBench bench;
        bench.begin({serial("serial0", core::ConsoleLogFile{"/log", false})}, false);
        auto ann = bench.watchBinary();
        bench.start(12);
        if (others) bench.failed(ConsoleFailure::inUse).pass(250);
        bench.opened(file("")).print("x");
        bench.calls();
        bench.pass(100);
        CHECK(bench.calls() == (others ? Lines{} : Lines{"log 1 from 0"}));
    }
}

TEST_CASE("what the agent itself could not take is a gap of known size") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened().print("ab");
    ann->heard();
    bench.print("yz", 1000);
    CHECK(ann->heard() == Lines{"gap 2..1002", "\"yz\""});
}

}  // namespace
}  // namespace rollo::tests
