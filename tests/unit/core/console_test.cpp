// SPDX-License-Identifier: Apache-2.0
#include "agent/core/console_report.hpp"
#include "tests/unit/core/console_bench.hpp"

namespace rollo::tests {
namespace {

using core::ConsoleFailure;

core::ConsoleLog file(std::string bytes, std::uint64_t from = 0) {
    return {std::move(bytes), from, 1};
}

TEST_CASE(
    "a viewer is told how the console is, where the replay begins, and then what is printed") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    CHECK(ann->heard() == Lines{});
    CHECK(bench.calls() == Lines{"open 1 serial0"});
    bench.opened();
    CHECK(ann->heard() == Lines{"connected, 1 here", "attached 0..0"});
    bench.print("hello ").print("world");
    CHECK(ann->heard() == Lines{"\"hello world\""});
    auto bob = bench.watchBinary(person("bob"));
    CHECK(bob->heard() == Lines{"connected, 2 here", "attached 0..11", "\"hello world\""});
    CHECK(ann->heard() == Lines{"connected, 2 here"});
    CHECK(bench.calls() == Lines{});
    bob.reset();
    CHECK(ann->heard() == Lines{"connected, 1 here"});
}

TEST_CASE("a device that is slow to open does not keep viewers waiting for ever") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.pass(1999);
    CHECK(ann->heard() == Lines{});
    bench.pass(1);
    CHECK(ann->heard() == Lines{"suspended, 1 here", "attached 0..0"});
    bench.opened();
    CHECK(ann->heard() == Lines{"connected, 1 here"});
}

TEST_CASE("where to begin: the tail, an offset, or everything that is kept") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened().print("0123456789");
    const auto from = [&](core::ConsoleViewer::Opening opening) {
        auto lines = bench.watchBinary(person("bob"), std::move(opening))->heard();
        lines.erase(lines.begin());
        return lines;
    };
    CHECK(from({.tail = 3}) == Lines{"attached 7..10", "\"789\""});
    CHECK(from({.tail = 0}) == Lines{"attached 10..10"});
    CHECK(from({.tail = 1000}) == Lines{"attached 0..10", "\"0123456789\""});
    CHECK(from({.from = 8}) == Lines{"attached 8..10", "\"89\""});
    CHECK(from({.from = 10}) == Lines{"attached 10..10"});
    CHECK(from({.from = 11}) == Lines{"attached 0..10", "\"0123456789\""});
    CHECK(from({.from = 8, .epoch = "0123456789abcdef"}) == Lines{"attached 8..10", "\"89\""});
    CHECK(from({.from = 8, .epoch = "another"}) == Lines{"attached 0..10", "\"0123456789\""});
}

TEST_CASE("the original form: text, in which a character that came in pieces is put together") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watch();
    bench.opened();
    ann->heard();
    bench.print("a\xf0")
        .print("\x9f\x98")
        .print(
            "\x80"
            "b");
    CHECK(ann->heard() == Lines{"\"a\"",
                                "\"\xf0\x9f\x98\x80"
                                "b\""});
    bench.print("\xff").print("\xc3").print("(");
    CHECK(ann->heard() == Lines{"\"\xef\xbf\xbd\"", "\"\xef\xbf\xbd(\""});
    bench.print("half \xe2\x82");
    CHECK(ann->heard() == Lines{"\"half \""});
    bench.stop();
    CHECK(ann->heard() ==
          Lines{"waiting_for_vm, 1 here", "\"\xef\xbf\xbd\xef\xbf\xbd\"", "stopped"});
}

TEST_CASE("viewers who are at one place share what is encoded") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    auto bob = bench.watchBinary(person("bob"));
    bench.opened();
    ann->ear.takeSent();
    bob->ear.takeSent();
    bench.print("once");
    const auto first = ann->ear.takeSent();
    const auto second = bob->ear.takeSent();
    REQUIRE(first.size() == 1);
    REQUIRE(second.size() == 1);
    CHECK(first.front().frame == second.front().frame);
}

TEST_CASE("a viewer whose socket is full skips nothing that is kept, and holds nobody up") {
    ConsoleBench bench;
    bench.settings.viewerWindowBytes = 100'000;
    bench.begin();
    auto ann = bench.watchBinary();
    auto bob = bench.watchBinary(person("bob"));
    bench.opened();
    ann->heard();
    bob->heard();
    std::string printed;
    std::string bobs;
    for (int i = 0; i < 20; ++i) {
        const std::string part(10'000, static_cast<char>('a' + i));
        printed += part;
        bench.print(part);
        bob->ear.drain();
        for (const auto& sent : bob->ear.takeSent()) bobs += sent.frame.payload();
    }
    CHECK(bobs == printed);
    std::string anns;
    for (int round = 0; round < 10; ++round) {
        for (const auto& sent : ann->ear.takeSent()) anns += sent.frame.payload();
        if (round == 0) CHECK(anns.size() < 170'000);
        ann->ear.drain();
        ann->viewer.drained(bench.now());
    }
    CHECK(anns == printed);
}

TEST_CASE("a viewer that falls behind what is kept is told which range it missed") {
    ConsoleBench bench;
    bench.settings.viewerWindowBytes = 1000;
    bench.settings.scrollback = {.bytes = 32 * 1024, .bootBytes = 0};
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    ann->heard();
    std::string printed;
    for (int i = 0; i < 30'000; ++i) {
        const std::string part = fmt::format("line {:06}\r\n", i);
        printed += part;
        bench.print(part);
    }
    std::string got;
    std::int64_t missed = 0;
    for (int round = 0; round < 600; ++round) {
        for (const auto& sent : ann->ear.takeSent()) {
            if (sent.frame.wire().front() == '\x82') {
                got += sent.frame.payload();
                continue;
            }
            const Message message(sent.frame);
            CHECK(gist(message) ==
                  fmt::format("gap {}..{}", got.size(), message.integer("data.to")));
            missed = message.integer("data.to") - message.integer("data.from");
            got.append(static_cast<std::size_t>(missed), '?');
        }
        ann->ear.drain();
        ann->viewer.drained(bench.now());
    }
    REQUIRE(got.size() == printed.size());
    CHECK(missed > 0);
    for (std::size_t i = 0; i < got.size(); ++i)
        if (got[i] != '?') REQUIRE(got[i] == printed[i]);
}

TEST_CASE("a viewer that says what it has drawn is sent a window beyond that") {
    ConsoleBench bench;
    bench.settings.viewerWindowBytes = 10;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    ann->say(R"({"type":"console_ack","data":{"offset":0}})").heard();
    const auto print = [&](std::string text) {
        bench.print(std::move(text));
        ann->ear.drain();
        ann->viewer.drained(bench.now());
    };
    print("01234567");
    print("89");
    print("abc");
    CHECK(ann->heard() == Lines{"\"0123456789\""});
    ann->say(R"({"type":"console_ack","data":{"offset":5}})");
    CHECK(ann->heard() == Lines{"\"abc\""});
    ann->say(R"({"type":"console_ack","data":{"offset":9999}})");
    print("d");
    CHECK(ann->heard() == Lines{"\"d\""});
}

TEST_CASE("a gap does not count against the window of a viewer that says what it has drawn") {
    ConsoleBench bench;
    bench.settings.viewerWindowBytes = 10;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    ann->say(R"({"type":"console_ack","data":{"offset":0}})").heard();
    bench.print("abc", 1000);
    CHECK(ann->heard() == Lines{"gap 0..1000", "\"abc\""});
}

TEST_CASE("what is typed while the device is being opened waits, and is dropped if that fails") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.calls();
    ann->type("hello");
    CHECK(ann->heard() == Lines{});
    bench.opened();
    CHECK(bench.calls() == Lines{"send 1 hello"});
    CHECK(ann->heard() == Lines{"connected, writer ann, 1 here", "attached 0..0"});

    ConsoleBench other;
    other.begin();
    auto bob = other.watchBinary(person("bob"));
    bob->type("hello");
    other.failed(ConsoleFailure::inUse);
    CHECK(bob->heard() == Lines{"in_use, writer bob, 5 dropped, 1 here", "attached 0..0"});
}

TEST_CASE("the first input takes the lease, and others are busy until it is given back") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    auto bob = bench.watchBinary(person("bob"));
    bench.opened();
    ann->heard();
    bob->heard();
    bench.calls();
    ann->type("a");
    CHECK(bench.calls() == Lines{"send 1 a"});
    CHECK(ann->heard() == Lines{"connected, writer ann, 2 here"});
    CHECK(bob->heard() == Lines{"connected ann, 2 here"});
    bob->type("b").say(R"({"type":"console_acquire"})");
    CHECK(bob->heard() == Lines{"error console_busy", "error console_busy"});
    bench.taken();
    CHECK(bench.calls() == Lines{});
    ann->say(R"({"type":"console_release"})");
    CHECK(bob->heard() == Lines{"connected, 2 here"});
    bob->say(R"({"type":"console_acquire"})");
    CHECK(bob->heard() == Lines{"connected, writer bob, 2 here"});
    CHECK(ann->heard() == Lines{"connected, 2 here", "connected bob, 2 here"});
    bob.reset();
    CHECK(ann->heard() == Lines{"connected, 1 here"});
    CHECK(bench.deeds == Lines{"ann (192.0.2.1) attached serial0 of vm1",
                               "bob (192.0.2.1) attached serial0 of vm1",
                               "ann (192.0.2.1) writes serial0 of vm1",
                               "ann (192.0.2.1) writes no more serial0 of vm1",
                               "bob (192.0.2.1) writes serial0 of vm1",
                               "bob (192.0.2.1) detached, and writes no more serial0 of vm1"});
}

TEST_CASE("the lease lapses after a time without input, and is taken by force with the right to") {
    ConsoleBench bench;
    bench.settings.leaseIdle = std::chrono::seconds(60);
    bench.begin();
    auto ann = bench.watchBinary();
    auto eve = bench.watchBinary(person("eve", "admin"));
    bench.opened();
    ann->type("a");
    bench.pass(59'000);
    ann->type("b");
    ann->heard();
    eve->heard();
    bench.pass(59'999);
    CHECK(ann->heard() == Lines{});
    bench.pass(1);
    CHECK(ann->heard() == Lines{"connected, 2 here"});
    ann->type("c").heard();
    eve->heard();
    eve->say(R"({"type":"console_acquire","data":{"force":true}})");
    CHECK(eve->heard() == Lines{"connected, writer eve, 2 here"});
    CHECK(ann->heard() == Lines{"connected eve, 2 here"});
    ann->say(R"({"type":"console_acquire","data":{"force":true}})").type("d");
    CHECK(ann->heard() == Lines{"error permission_denied", "error console_busy"});
    CHECK(bench.deeds.back() == "eve (192.0.2.1) writes, by force serial0 of vm1");
}

TEST_CASE("who may only read") {
    ConsoleBench bench;
    bench.begin();
    auto reading = bench.watchBinary(person("ann"), {.readOnly = true});
    core::Principal mayRead = person("bob");
    mayRead.permissions.bits &=
        static_cast<std::uint8_t>(~static_cast<unsigned>(core::Permission::consoleWrite));
    auto bob = bench.watchBinary(mayRead);
    bench.opened();
    reading->heard();
    bob->heard();
    bench.calls();
    for (auto* each : {&reading, &bob}) {
        (*each)->type("x").say(R"({"type":"console_acquire"})");
        CHECK((*each)->heard() == Lines{"error permission_denied", "error permission_denied"});
    }
    CHECK(bench.calls() == Lines{});
}

TEST_CASE("a lease ends with the right to it") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    ann->type("x").heard();
    core::Principal less = person("ann");
    less.permissions.bits &=
        static_cast<std::uint8_t>(~static_cast<unsigned>(core::Permission::consoleWrite));
    ann->viewer.renew(less, bench.now());
    CHECK(ann->heard() == Lines{"connected, 1 here"});
    ann->viewer.renew(person("ann", "viewer"), bench.now());
    CHECK(ann->ear.farewells() == Lines{"permission_denied"});
}

TEST_CASE("input goes piece by piece, and waits while the VM is paused") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    bench.calls();
    ann->type("one").type("two").type("three");
    CHECK(bench.calls() == Lines{"send 1 one"});
    bench.taken();
    CHECK(bench.calls() == Lines{"send 1 twothree"});
    bench.host.on(1, core::Lifecycle::suspended, "io_error", 11);
    bench.taken();
    ann->heard();
    ann->type("four");
    CHECK(bench.calls() == Lines{});
    CHECK(ann->heard() == Lines{});
    bench.host.on(1, core::Lifecycle::resumed, "user", 11);
    CHECK(bench.calls() == Lines{"send 1 four"});
}

TEST_CASE("a writer is not read while its input waits, and is again when half has gone") {
    ConsoleBench bench;
    bench.settings.inputQueueBytes = 4096;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    ann->type(std::string(4000, 'x'));
    CHECK(ann->ear.listening());
    ann->type(std::string(1000, 'y'));
    CHECK_FALSE(ann->ear.listening());
    std::size_t sent = 0;
    for (int round = 0; round < 1000 && !ann->ear.listening(); ++round) {
        for (const auto& call : bench.calls())
            if (call.starts_with("send 1 ")) sent += call.size() - 7;
        bench.taken().pass(10);
    }
    CHECK(ann->ear.listening());
    CHECK(sent >= 5000 - 2048 - 512);
    CHECK(sent <= 5000 - 2048 + 512);
    bench.taken().calls();
    bench.taken();
    REQUIRE(bench.consoles->due(bench.now()));
}

TEST_CASE("what was not sent when the VM stops is reported by count") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    ann->type(std::string(1000, 'x')).heard();
    bench.host.on(1, core::Lifecycle::stopped, "shutdown");
    CHECK(ann->heard() == Lines{"waiting_for_vm, writer ann, 1 here"});
    bench.ended(100);
    CHECK(ann->heard() == Lines{"waiting_for_vm, writer ann, 588 dropped, 1 here", "stopped"});
    ann->type("x");
    CHECK(ann->heard() == Lines{"error console_not_connected"});
}

TEST_CASE("what was under way when a stream is given up is lost as well") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.opened();
    ann->type(std::string(600, 'x')).heard();
    bench.host.on(1, core::Lifecycle::stopped, "destroyed");
    bench.pass(2000);
    CHECK(ann->heard() == Lines{"waiting_for_vm, writer ann, 1 here",
                                "waiting_for_vm, writer ann, 600 dropped, 1 here", "stopped"});
}

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

TEST_CASE("who may not be here") {
    ConsoleBench bench;
    bench.begin({serial("serial0"), {"serial1", core::ConsoleDevice::Kind::serial, "unix", {}}});
    const auto refused = [&](core::Principal principal, core::ConsoleViewer::Opening opening) {
        return bench.watchBinary(std::move(principal), std::move(opening))->ear.farewells();
    };
    CHECK(refused(core::Principal::anonymous(), {}) == Lines{"permission_denied"});
    CHECK(refused(person("ann", "viewer"), {}) == Lines{"permission_denied"});
    CHECK(refused(person("ann"), {.vm = "2"}) == Lines{"not_found"});
    CHECK(refused(person("ann"), {.vm = "vm2"}) == Lines{"not_found"});
    CHECK(refused(person("ann"), {.device = "serial7"}) == Lines{"not_found"});
    core::Principal elsewhere = person("ann");
    elsewhere.vms = {core::VmScope("other")};
    CHECK(refused(elsewhere, {}) == Lines{"not_found"});
    bench.settings.enabled = false;
    bench.consoles->reconfigure(bench.settings, bench.now());
    CHECK(refused(person("ann"), {}) == Lines{"consoles_disabled"});
    CHECK(bench.calls() == Lines{});
}

TEST_CASE("consoles that are switched off outlive the viewers that are shown out") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watchBinary();
    bench.failed(ConsoleFailure::libvirt);
    bench.settings.enabled = false;
    bench.consoles->reconfigure(bench.settings, bench.now());
    CHECK(ann->ear.farewells() == Lines{"consoles_disabled"});
    bench.tick(400'000);
    CHECK(bench.consoles->find(uuid(1), "serial0"));
    ann.reset();
    bench.tick(1000);
    CHECK_FALSE(bench.consoles->find(uuid(1), "serial0"));
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

TEST_CASE("a VM that leaves somebody's scope closes that viewer alone") {
    ConsoleBench bench;
    bench.begin();
    core::Principal byName = person("ann");
    byName.vms = {core::VmScope("vm1")};
    auto ann = bench.watchBinary(byName);
    auto bob = bench.watchBinary(person("bob"));
    bench.opened();
    auto renamed = withConsoles(claiming(runningVm(1, 11), 1), {serial("serial0")});
    renamed.domain.name = "another";
    bench.host.list({renamed});
    CHECK(ann->ear.farewells() == Lines{"permission_denied"});
    CHECK(bob->ear.farewells() == Lines{});
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

TEST_CASE("the list of consoles, and the log that is downloaded") {
    ConsoleBench bench;
    bench.begin({serial("serial0"), {"serial1", core::ConsoleDevice::Kind::serial, "unix", {}}});
    auto ann = bench.watchBinary();
    bench.opened().print("ab").print("yz", 1000);
    ann->type("x");
    const core::Vm& vm = *bench.host.host.state().find(uuid(1));
    const Document list(proto::encodeConsoles(core::describeConsoles(vm, *bench.consoles)));
    REQUIRE(list.size("consoles") == 2);
    CHECK(list.text("consoles[0].device") == "serial0");
    CHECK(list.text("consoles[0].kind") == "serial");
    CHECK(list.flag("consoles[0].openable"));
    CHECK(list.text("consoles[0].status") == "connected");
    CHECK(list.integer("consoles[0].next_offset") == 1004);
    CHECK(list.integer("consoles[0].kept_bytes") == 4);
    CHECK(list.text("consoles[0].writer_user") == "ann");
    CHECK(list.text("consoles[0].viewers[0].address") == "192.0.2.1");
    CHECK(list.text("consoles[0].viewers[0].mode") == "rw");
    CHECK(list.flag("consoles[0].viewers[0].writer"));
    CHECK(list.text("consoles[1].backend") == "unix");
    CHECK_FALSE(list.flag("consoles[1].openable"));
    CHECK(list.text("consoles[1].status") == "closed");
    const core::Console* console = bench.consoles->find(uuid(1), "serial0");
    CHECK(core::consoleText(console, {}, {}) == "ab\r\n[rollo: 1000 bytes are missing here]\r\nyz");
    CHECK(core::consoleText(console, 1003, {}) == "z");
    CHECK(core::consoleText(console, 1000, {}) == "\r\n[rollo: 2 bytes are missing here]\r\nyz");
    CHECK(core::consoleText(console, {}, 1) == "z");
    CHECK(core::consoleText(nullptr, {}, {}) == "");
}

TEST_CASE("what is about other endpoints, and what libvirt cannot do") {
    ConsoleBench bench;
    bench.begin();
    auto ann = bench.watch();
    bench.opened();
    ann->heard();
    ann->say(R"({"type":"subscribe"})")
        .say(R"({"type":"console_break"})")
        .say(R"({"type":"ping"})");
    CHECK(ann->heard() == Lines{"error unsupported", "error unsupported", "pong"});
    ann->say(R"({"type":"console_resize","data":{"rows":24,"cols":80}})")
        .say(R"({"type":"console_resize","data":{"rows":25,"cols":80}})");
    CHECK(ann->heard() == Lines{"connected, 1 here"});
    CHECK_FALSE(ann->viewer.handleBytes("x", bench.now()));
}

}  // namespace
}  // namespace rollo::tests
