// SPDX-License-Identifier: Apache-2.0
/// What happens to a VM and to the agent: when that begins to fire, and what ends it.
#include <doctest/doctest.h>

#include "tests/unit/core/alert_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::VmStatus;
using enum rollo::core::AlertSource;
using enum rollo::core::Lifecycle;

namespace {

AlertPolicy all() {
    AlertPolicy policy;
    for (const auto source : {vmCrashed, vmPanicked, vmWatchdog, vmIoError, vmMemoryFailure,
                              vmUnresponsive, libvirtLost})
        policy.rules.push_back(happeningRule(source));
    return policy;
}

DomainDescription crashedVm(int number, int domainId) {
    auto description = runningVm(number, domainId);
    description.status = VmStatus::crashed;
    description.reason = "panicked";
    return description;
}

WatchdogFired watchdog(int number = 1) {
    return {domain(number, 5), "reset"};
}
IoErrorSeen ioError(const std::string& reason = "enospc") {
    return {domain(1, 5), "virtio-disk0", "pause", reason};
}

struct Bench : AlertBench {
    explicit Bench(AlertPolicy policy = all()) : AlertBench(std::move(policy)) { beginRunning(); }
};

}  // namespace

TEST_CASE("a VM whose process fails has crashed, until it runs again") {
    Bench bench;
    bench.on(1, stopped, "failed", 5);
    CHECK(bench.alerts() == Lines{"vm_crashed error firing"});
    CHECK(bench.firing(idOfVm1(vmCrashed)).vm->name == "vm1");
    CHECK_FALSE(bench.firing(idOfVm1(vmCrashed)).value);
    bench.described(stoppedVm(1)).list({stoppedVm(1)}).tick(1h);
    CHECK(bench.alerts().empty());
    bench.start(1, 6);
    CHECK(bench.alerts() == Lines{"vm_crashed error resolved"});
    CHECK(bench.quiet());
}

TEST_CASE("a VM that is shut down has not crashed") {
    Bench bench;
    bench.on(1, shutdown, "shutdown", 5).on(1, stopped, "shutdown", 5).start(1, 6);
    bench.on(1, stopped, "destroyed", 6);
    CHECK(bench.alerts().empty());
}

TEST_CASE("a VM that has crashed and is deleted is no trouble any more") {
    Bench bench;
    bench.on(1, stopped, "failed", 5).on(1, undefined, "undefined");
    CHECK(bench.alerts() == Lines{"vm_crashed error firing", "vm_crashed error resolved"});
}

TEST_CASE("a VM that is found crashed is told of") {
    AlertBench bench(all());
    auto failed = stoppedVm(2);
    failed.reason = "failed";
    bench.open().list({crashedVm(1, 5), failed, stoppedVm(3)});
    auto told = bench.alerts();
    std::sort(told.begin(), told.end());
    CHECK(told == Lines{"vm_crashed error firing", "vm_panicked error firing"});
}

TEST_CASE("a panic is one alert, until the VM runs again") {
    Bench bench;
    bench.on(1, crashed, "panicked", 5);
    CHECK(bench.alerts() == Lines{"vm_panicked error firing"});
    SUBCASE("preserved, then restarted") {}
    SUBCASE("destroyed because of it") {
        bench.on(1, stopped, "crashed", 5);
    }
    bench.tick(10s);
    CHECK(bench.alerts().empty());
    bench.on(1, stopped, "destroyed", 5).start(1, 6);
    CHECK(bench.alerts() == Lines{"vm_panicked error resolved"});
}

TEST_CASE("a guest that resets itself when it panics is told of and over at once") {
    Bench bench;
    bench.on(1, crashed, "panicked", 5).on(1, resumed, "user", 5);
    CHECK(bench.alerts() == Lines{"vm_panicked error firing", "vm_panicked error resolved"});
}

TEST_CASE("who does not want to be told of panics is told of a crash") {
    Bench bench(policyOf({happeningRule(vmCrashed)}));
    bench.on(1, crashed, "panicked", 5);
    CHECK(bench.alerts() == Lines{"vm_crashed error firing"});
}

TEST_CASE("a watchdog fires; ten quiet minutes later that is over") {
    Bench bench;
    bench.tell(watchdog());
    CHECK(bench.alerts() == Lines{"vm_watchdog error firing"});
    CHECK(bench.firing(idOfVm1(vmWatchdog)).message ==
          "The watchdog of vm1 has fired: action reset");
    bench.reboot(1, 5).tick(599s);
    CHECK(bench.alerts().empty());
    bench.tick(600s);
    CHECK(bench.alerts() == Lines{"vm_watchdog error resolved"});
}

TEST_CASE("a watchdog's trouble is over when the VM starts anew, not when it stops") {
    Bench bench;
    bench.tell(watchdog()).on(1, stopped, "failed", 5);
    CHECK(bench.alerts() == Lines{"vm_watchdog error firing", "vm_crashed error firing"});
    bench.start(1, 6);
    CHECK(bench.alerts() == Lines{"vm_crashed error resolved", "vm_watchdog error resolved"});
}

TEST_CASE("repeats are counted, and told once a minute") {
    Bench bench;
    bench.tell(watchdog());
    bench.heard();
    bench.clock = 30s;
    bench.tell(watchdog()).tell(watchdog());
    CHECK(bench.alerts().empty());
    CHECK(bench.firing(idOfVm1(vmWatchdog)).count == 3);
    CHECK(bench.firing(idOfVm1(vmWatchdog)).lastSeen == at(30s).wall);
    bench.clock = 60s;
    bench.tell(watchdog());
    CHECK(bench.alerts() == Lines{"vm_watchdog error firing"});
    CHECK(bench.firing(idOfVm1(vmWatchdog)).count == 4);
    bench.clock = 119s;
    bench.tell(watchdog());
    CHECK(bench.alerts().empty());
    bench.tick(600s);
    CHECK(bench.alerts().empty());
    bench.tick(719s);  // ten minutes after the last
    CHECK(bench.alerts() == Lines{"vm_watchdog error resolved"});
}

TEST_CASE("memory that fails is told of like a watchdog") {
    Bench bench;
    bench.tell(MemoryFailed{domain(1, 5), "guest", "inject"});
    CHECK(bench.alerts() == Lines{"vm_memory_failure error firing"});
    CHECK(bench.firing(idOfVm1(vmMemoryFailure)).message ==
          "Memory of the host failed beneath vm1: recipient guest, action inject");
    bench.tick(600s);
    CHECK(bench.alerts() == Lines{"vm_memory_failure error resolved"});
}

TEST_CASE("an I/O error lasts as long as the VM is paused by it, and a minute") {
    Bench bench;
    bench.tell(ioError()).on(1, suspended, "io_error", 5);
    CHECK(bench.alerts() == Lines{"vm_io_error error firing"});
    CHECK(bench.firing(idOfVm1(vmIoError)).message ==
          "A disk of vm1 had an I/O error: virtio-disk0, action pause (enospc)");
    bench.tick(1h);
    CHECK(bench.alerts().empty());
    bench.on(1, resumed, "user", 5);
    CHECK(bench.alerts() == Lines{"vm_io_error error resolved"});
}

TEST_CASE("an I/O error that comes again soon after the VM was resumed is the same trouble") {
    Bench bench;
    bench.tell(ioError()).on(1, suspended, "io_error", 5);
    bench.clock = 30s;
    bench.on(1, resumed, "user", 5).tell(ioError()).on(1, suspended, "io_error", 5);
    CHECK(bench.alerts() == Lines{"vm_io_error error firing"});
    CHECK(bench.firing(idOfVm1(vmIoError)).count == 2);
    bench.on(1, resumed, "user", 5).tick(89s);
    CHECK(bench.alerts().empty());
    bench.tick(90s);
    CHECK(bench.alerts() == Lines{"vm_io_error error resolved"});
}

TEST_CASE("a VM that is paused by an I/O error of which no callback told fires as well") {
    Bench bench;
    bench.on(1, suspended, "io_error", 5);
    CHECK(bench.alerts() == Lines{"vm_io_error error firing"});
    bench.on(1, stopped, "destroyed", 5);
    CHECK(bench.alerts() == Lines{"vm_io_error error resolved"});
}

TEST_CASE("an I/O error that only the guest is told of is over after a minute, or a stop") {
    Bench bench;
    bench.tell(IoErrorSeen{domain(1, 5), "virtio-disk0", "report", ""});
    CHECK(bench.alerts() == Lines{"vm_io_error error firing"});
    SUBCASE("a minute") {
        bench.tick(60s);
    }
    SUBCASE("a stop") {
        bench.on(1, stopped, "shutdown", 5);
    }
    CHECK(bench.alerts() == Lines{"vm_io_error error resolved"});
}

TEST_CASE("a VM that does not respond fires until a sample comes") {
    Bench bench;
    bench.use(0s, 10).tell(unresponsive(1));
    CHECK(bench.alerts() == Lines{"vm_unresponsive error firing"});
    bench.tell(unresponsive(1)).list({runningVm(1, 5)}).tick(1h);
    CHECK(bench.alerts().empty());
    bench.use(1h, 10);
    CHECK(bench.alerts() == Lines{"vm_unresponsive error resolved"});
}

TEST_CASE("a VM that did not respond and is gone is no trouble any more") {
    Bench bench;
    bench.use(0s, 10).tell(unresponsive(1)).on(1, stopped, "destroyed", 5);
    CHECK(bench.alerts() ==
          Lines{"vm_unresponsive error firing", "vm_unresponsive error resolved"});
}

TEST_CASE("what an unresponsive VM was troubled by is not over") {
    Bench bench;
    bench.on(1, crashed, "panicked", 5);
    bench.use(0s, 10).tell(unresponsive(1)).tick(1h);
    CHECK(bench.alerts() == Lines{"vm_panicked error firing", "vm_unresponsive error firing"});
}

TEST_CASE("libvirt is lost, and is back with the listing") {
    Bench bench;
    bench.lose();
    CHECK(bench.alerts() == Lines{"libvirt_lost error firing"});
    CHECK(bench.firing("libvirt_lost").message == "The agent cannot reach libvirt: eof");
    bench.lose("refused").tick(10s).open();
    CHECK(bench.alerts().empty());
    bench.list({runningVm(1, 5)});
    CHECK(bench.alerts() == Lines{"libvirt_lost error resolved"});
}

TEST_CASE("before the first attempt nobody says that libvirt is lost") {
    AlertBench bench(all());
    bench.tick(1h);
    CHECK(bench.alerts().empty());
}

TEST_CASE("what happens may have to last as well") {
    Bench bench(policyOf({happeningRule(vmUnresponsive, 30s), happeningRule(libvirtLost, 30s)}));
    bench.use(0s, 10).tell(unresponsive(1)).lose();
    bench.tick(29s);
    CHECK(bench.alerts().empty());
    bench.tick(30s);
    CHECK(bench.alerts() == Lines{"vm_unresponsive error firing", "libvirt_lost error firing"});
}

TEST_CASE("what was over before it had lasted is told to nobody") {
    Bench bench(policyOf({happeningRule(libvirtLost, 30s)}));
    bench.lose().tick(29s).open().list({runningVm(1, 5)});
    bench.tick(60s);
    CHECK(bench.alerts().empty());
}

TEST_CASE("trouble of a VM that nobody knows is passed over") {
    Bench bench;
    bench.tell(watchdog(9));
    CHECK(bench.heard().empty());
}

TEST_CASE("what nobody wants to be told of is told to nobody") {
    Bench bench(AlertPolicy{});
    bench.tell(watchdog()).tell(ioError()).on(1, crashed, "panicked", 5).lose();
    CHECK(bench.alerts().empty());
}
