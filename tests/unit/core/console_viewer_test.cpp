// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core/console_bench.hpp"

namespace rollo::tests {
namespace {

using core::ConsoleFailure;

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
