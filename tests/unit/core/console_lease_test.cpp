// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core/console_bench.hpp"

namespace rollo::tests {
namespace {

using core::ConsoleFailure;

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

}  // namespace
}  // namespace rollo::tests
