// SPDX-License-Identifier: Apache-2.0
/// What callbacks and descriptions make of single VMs.
#include <doctest/doctest.h>

#include "tests/unit/core/host_bench.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::VmStatus;
using enum rollo::core::Lifecycle;

namespace {

DomainDescription named(DomainDescription description, std::string name) {
    description.domain.name = std::move(name);
    return description;
}

}  // namespace

// --- the life of a VM ----------------------------------------------------------------------------

TEST_CASE("a defined VM is created when it has been described") {
    HostBench bench;
    bench.begin({}).on(1, defined, "added");
    CHECK(bench.heard().empty());
    CHECK(bench.asked() == 1);
    bench.described(stoppedVm(1));
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped"});
}

TEST_CASE("a VM that is gone before it could be described is still told of") {
    HostBench bench;
    bench.begin({}).on(1, defined, "added").gone(1);
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped", "deleted vm1#1000001 (vanished)"});
    bench.on(2, defined, "added").on(2, undefined, "undefined").gone(2);
    CHECK(bench.heard() == Lines{"created vm2#1000002 stopped", "deleted vm2#1000002 (undefined)"});
}

TEST_CASE("a transient VM that lives too shortly to be described has its whole life told") {
    HostBench bench;
    bench.begin({}).start(1, 5).on(1, shutdown, "destroyed", 5).on(1, stopped, "destroyed");
    bench.gone(1).gone(1).gone(1);
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped", "vm1 stopped>running (booted)",
                                 "vm1 running>stopping (destroyed)",
                                 "vm1 stopping>stopped (destroyed)",
                                 "deleted vm1#1000001 (transient_ended)"});
}

TEST_CASE("a transient VM is created stopped, started, ended and deleted") {
    HostBench bench;
    bench.begin({}).start(1, 5).described(transientVm(runningVm(1, 5)));
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped", "vm1 stopped>running (booted)"});
    CHECK_FALSE(bench.vm(1)->info.persistent);
    bench.described(transientVm(runningVm(1, 5)));
    bench.on(1, shutdown, "shutdown", 5).on(1, stopped, "shutdown", 5).gone(1);
    CHECK(bench.heard() == Lines{"vm1 running>stopping (shutdown)",
                                 "vm1 stopping>stopped (shutdown)",
                                 "deleted vm1#1000001 (transient_ended)"});
}

TEST_CASE("a VM first seen by being started into pause is started once") {
    HostBench bench;
    bench.begin({}).on(1, started, "booted", 5);
    auto paused = transientVm(runningVm(1, 5));
    paused.status = VmStatus::paused;
    paused.reason = "starting";
    SUBCASE("where the pause is told before it is described") {
        bench.on(1, suspended, "user", 5).described(paused).described(paused);
    }
    SUBCASE("where it is described first") {
        bench.described(paused).described(paused).on(1, suspended, "user", 5);
    }
    SUBCASE("where the pause comes between two descriptions") {
        bench.described(paused).on(1, suspended, "user", 5).described(paused);
    }
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped", "vm1 stopped>paused (booted)"});
    CHECK(bench.bootOf(1) == "boot-1");
}

TEST_CASE("a VM that is described between its RESUMED and its STARTED is started once") {
    HostBench bench;
    const auto running = transientVm(runningVm(1, 5));
    bench.begin({}).on(1, resumed, "user", 5).described(running);
    bench.on(1, started, "booted", 5).described(running);
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped", "vm1 stopped>running (booted)"});
    CHECK(bench.bootOf(1) == "boot-1");
}

TEST_CASE("a VM that migrates here runs when it has arrived, in one process") {
    HostBench bench;
    bench.begin({}).on(1, started, "migrated", 5);
    auto incoming = transientVm(runningVm(1, 5));
    incoming.status = VmStatus::paused;
    incoming.reason = "migrated";
    SUBCASE("soon: it is running at once") {
        bench.described(incoming).described(incoming).on(1, resumed, "migrated", 5);
        CHECK(bench.heard() ==
              Lines{"created vm1#1000001 stopped", "vm1 stopped>running (migrated)"});
    }
    SUBCASE("later: it is told as paused meanwhile") {
        bench.described(incoming).described(incoming).described(incoming);
        CHECK(bench.heard() == Lines{"created vm1#1000001 stopped"});
        bench.asked();
        bench.clock = 999ms;
        bench.host.tick(at(bench.clock));
        CHECK(bench.asked() == 0);
        bench.clock = 1s;
        bench.host.tick(at(bench.clock));
        CHECK(bench.asked() == 1);
        bench.described(incoming).on(1, resumed, "migrated", 5);
        CHECK(bench.heard() ==
              Lines{"vm1 stopped>paused (migrated)", "vm1 paused>running (migrated)"});
    }
    CHECK(bench.bootOf(1) == "boot-1");
}

TEST_CASE("a start and a stop ask for a description, as what was configured counts from there") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).start(1, 5);
    CHECK(bench.asked() == 1);
    auto larger = runningVm(1, 5);
    larger.memoryMb = 2048;
    bench.described(larger);
    CHECK(bench.heard() == Lines{"vm1 stopped>running (booted)", "updated vm1 [memory_mb]"});
    bench.on(1, suspended, "io_error", 5).on(1, resumed, "user", 5);
    CHECK(bench.asked() == 0);
    bench.on(1, stopped, "destroyed");
    CHECK(bench.asked() == 1);
}

TEST_CASE("a boot names one QEMU process") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).start(1, 5).described(runningVm(1, 5));
    const auto first = bench.bootOf(1);
    bench.on(1, suspended, "user", 5).on(1, resumed, "user", 5).reboot(1, 5);
    bench.on(1, pmSuspended, "memory", 5).on(1, started, "wakeup", 5).described(runningVm(1, 5));
    CHECK(bench.bootOf(1) == first);
    bench.on(1, stopped, "shutdown", 5).described(stoppedVm(1));
    CHECK(bench.bootOf(1).empty());
    bench.start(1, 6);
    CHECK(bench.bootOf(1) != first);
    CHECK_FALSE(bench.bootOf(1).empty());
}

TEST_CASE("the end of a process is told with the boot that ended") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).on(1, stopped, "failed", 5);
    const auto message = bench.messages().front();
    CHECK(message.text("data.boot_id") == "boot-1");
    CHECK(message.integer("data.server_id") == 7);
}

TEST_CASE("a reboot is told once, in its order") {
    HostBench bench;
    bench.begin({runningVm(1, 5)});
    for (const auto when : {0ms, 70ms, 100ms}) {
        bench.clock = when;
        bench.reboot(1, 5);
    }
    CHECK(bench.heard() == Lines{"vm1 running>running (reboot)"});
    CHECK(bench.vm(1)->info.reason == "reboot");
}

TEST_CASE("a reboot of a VM that nobody knows is nothing") {
    HostBench bench;
    bench.begin({}).reboot(1, 5);
    CHECK(bench.heard().empty());
    CHECK(bench.asked() == 0);
}

// --- a pause that may be a crash -----------------------------------------------------------------

TEST_CASE("a pause is told when the state shows that somebody asked for it") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).on(1, suspended, "user", 5);
    CHECK(bench.heard().empty());
    CHECK(bench.asked() == 1);
    auto paused = runningVm(1, 5);
    paused.status = VmStatus::paused;
    paused.reason = "user";
    bench.described(paused);
    CHECK(bench.heard() == Lines{"vm1 running>paused (user)"});
}

TEST_CASE("the pause of a guest that panics is swallowed") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).on(1, suspended, "user", 5);
    auto paused = runningVm(1, 5);
    paused.status = VmStatus::paused;
    paused.reason = "unknown";
    SUBCASE("where the crash is told first") {
        bench.on(1, crashed, "panicked", 5).described(paused);
    }
    SUBCASE("where the pause is described first") {
        bench.described(paused).on(1, crashed, "panicked", 5);
    }
    SUBCASE("where the state shows the crash") {
        auto down = paused;
        down.status = VmStatus::crashed;
        down.reason = "panicked";
        bench.described(down).on(1, crashed, "panicked", 5);
    }
    bench.on(1, stopped, "crashed");
    bench.clock = 1s;
    bench.host.tick(at(bench.clock));
    CHECK(bench.heard() ==
          Lines{"vm1 running>crashed (panicked)", "vm1 crashed>stopped (crashed)"});
}

TEST_CASE("a pause without a reason is told when no crash has followed") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).on(1, suspended, "user", 5);
    auto paused = runningVm(1, 5);
    paused.status = VmStatus::paused;
    paused.reason = "unknown";
    bench.described(paused);
    bench.host.tick(at(499ms));
    CHECK(bench.heard().empty());
    bench.host.tick(at(500ms));
    bench.host.tick(at(1500ms));
    CHECK(bench.heard() == Lines{"vm1 running>paused (user)"});
}

TEST_CASE("a pause that was held back is told before whatever else happens") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).on(1, suspended, "user", 5);
    SUBCASE("a resume") {
        bench.on(1, resumed, "user", 5);
        CHECK(bench.heard() == Lines{"vm1 running>paused (user)", "vm1 paused>running (user)"});
    }
    SUBCASE("the end of a save") {
        bench.on(1, stopped, "saved");
        CHECK(bench.heard() == Lines{"vm1 running>paused (user)", "vm1 paused>stopped (saved)"});
    }
    SUBCASE("a reset") {
        bench.reboot(1, 5);
        CHECK(bench.heard() == Lines{"vm1 running>paused (user)", "vm1 paused>paused (reboot)"});
    }
    SUBCASE("the loss of libvirt") {
        bench.lose();
        CHECK(bench.heard() == Lines{"vm1 running>paused (user)", "server online>offline (eof)"});
    }
}

// --- descriptions --------------------------------------------------------------------------------

TEST_CASE("a guest that libvirt has only begun to start is not told as started") {
    HostBench bench;
    auto starting = runningVm(1, 5);
    starting.status = VmStatus::paused;
    starting.reason = "starting";
    bench.begin({stoppedVm(1)}).list({starting});
    CHECK(bench.heard().empty());
    bench.start(1, 5);
    CHECK(bench.heard() == Lines{"vm1 stopped>running (booted)"});
}

TEST_CASE("a guest that libvirt has only begun to start at the first listing is started once") {
    HostBench bench;
    auto starting = runningVm(1, 5);
    starting.status = VmStatus::paused;
    starting.reason = "starting";
    bench.open().heard();
    bench.list({starting}).start(1, 5);
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped", "server offline>online (connected)",
                                 "vm1 stopped>running (booted)"});
}

TEST_CASE("a state that was read before a callback does not undo it") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).outdated(1).on(1, suspended, "io_error", 5);
    bench.described(runningVm(1, 5));
    CHECK(bench.heard() == Lines{"vm1 running>paused (io_error)"});
    CHECK(bench.vm(1)->info.status == VmStatus::paused);
}

TEST_CASE("the last of several descriptions corrects the state, no earlier one does") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).start(1, 5).outdated(1);
    bench.described(stoppedVm(1));
    CHECK(bench.vm(1)->info.status == VmStatus::running);
    auto paused = runningVm(1, 5);
    paused.status = VmStatus::paused;
    paused.reason = "io_error";
    bench.described(paused);
    CHECK(bench.heard() == Lines{"vm1 stopped>running (booted)", "vm1 running>paused (io_error)"});
}

TEST_CASE("an answer that nobody waits for is not taken") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).described(stoppedVm(1)).gone(1).gone(9);
    CHECK(bench.heard().empty());
}

TEST_CASE("a migration away ends in a deletion where the VM is not defined here") {
    HostBench bench;
    bench.begin({runningVm(1, 5), transientVm(runningVm(2, 6))});
    for (const int number : {1, 2})
        bench.on(number, suspended, "migrated", 5).on(number, stopped, "migrated");
    bench.described(stoppedVm(1)).gone(2);
    CHECK(bench.heard() == Lines{"vm1 running>paused (migrated)", "vm1 paused>stopped (migrated)",
                                 "vm2 running>paused (migrated)", "vm2 paused>stopped (migrated)",
                                 "deleted vm2#1000002 (transient_ended)"});
}

// --- definitions ---------------------------------------------------------------------------------

TEST_CASE("a redefinition is an update, even without a visible change") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).on(1, defined, "updated").described(stoppedVm(1));
    CHECK(bench.heard() == Lines{"updated vm1 []"});
    auto larger = stoppedVm(1);
    larger.memoryMb = 2048;
    larger.title = "Web";
    bench.on(1, defined, "updated").described(larger);
    CHECK(bench.heard() == Lines{"updated vm1 [memory_mb,title]"});
}

TEST_CASE("each field that clients see is told when it changes") {
    HostBench bench;
    bench.begin({stoppedVm(1)});
    auto changed = transientVm(stoppedVm(1));
    changed.autostart = true;
    changed.vcpus = 2;
    changed.memoryMb = 1;
    changed.os = "os";
    changed.title = "t";
    changed.console = true;
    bench.outdated(1).described(changed);
    CHECK(bench.heard() ==
          Lines{"updated vm1 [persistent,autostart,vcpus,memory_mb,os,title,console]"});
}

TEST_CASE("metadata that changes nothing visible is no update") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).outdated(1).described(stoppedVm(1));
    CHECK(bench.heard().empty());
    CHECK(bench.asked() == 1);
}

TEST_CASE("what is not known yet need not be described again") {
    HostBench bench;
    bench.begin({}).outdated(1);
    CHECK(bench.asked() == 0);
}

TEST_CASE("a running transient VM that is defined becomes persistent") {
    HostBench bench;
    bench.begin({transientVm(runningVm(1, 5))}).on(1, defined, "added", 5);
    bench.described(runningVm(1, 5));
    CHECK(bench.heard() == Lines{"updated vm1 [persistent]"});
}

TEST_CASE("a VM undefined while stopped is deleted at once") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).on(1, undefined, "undefined");
    CHECK(bench.heard() == Lines{"deleted vm1#1000001 (undefined)"});
    CHECK(bench.asked() == 0);
    CHECK_FALSE(bench.vm(1));
}

TEST_CASE("a VM undefined while running lives on as a transient one, and ends as such") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).on(1, undefined, "undefined", 5);
    bench.described(transientVm(runningVm(1, 5)));
    CHECK(bench.heard() == Lines{"updated vm1 [persistent]"});
    bench.on(1, stopped, "shutdown", 5).gone(1);
    CHECK(bench.heard() ==
          Lines{"vm1 running>stopped (shutdown)", "deleted vm1#1000001 (transient_ended)"});
}

TEST_CASE("a VM that is defined again comes back with its id") {
    HostBench bench;
    bench.begin({stoppedVm(1), stoppedVm(2)}).on(1, undefined, "undefined").heard();
    bench.on(3, defined, "added").described(stoppedVm(3));
    bench.on(1, defined, "added").described(stoppedVm(1));
    CHECK(bench.heard() == Lines{"created vm3#1000003 stopped", "created vm1#1000001 stopped"});
}

TEST_CASE("what an undefined VM had asked for says nothing of the one that comes after it") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).on(1, stopped, "destroyed").on(1, undefined, "undefined");
    bench.on(1, defined, "added").heard();
    REQUIRE(bench.asked() == 2);
    SUBCASE("where it was read while there was none") {
        bench.gone(1);
    }
    SUBCASE("where it was read before") {
        bench.described(runningVm(1, 5));
    }
    CHECK(bench.heard().empty());
    bench.described(stoppedVm(1));
    CHECK(bench.heard() == Lines{"created vm1#1000001 stopped"});
}

TEST_CASE("a VM that goes and comes again before it could be described is described at last") {
    HostBench bench;
    bench.begin({}).on(1, defined, "added").on(1, undefined, "undefined").on(1, defined, "added");
    REQUIRE(bench.asked() == 1);
    bench.gone(1);
    CHECK(bench.asked() == 1);
    CHECK(bench.heard().empty());
    bench.described(stoppedVm(1));
    CHECK(bench.vm(1));
    CHECK(bench.heard().back() == "created vm1#1000001 stopped");
}

TEST_CASE("a rename is one update") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).on(1, undefined, "renamed");
    DomainRef renamedTo = domain(1);
    renamedTo.name = "other";
    bench.tell(LifecycleSeen{renamedTo, defined, "renamed"});
    CHECK(bench.asked() == 1);
    bench.described(named(stoppedVm(1), "other"));
    CHECK(bench.heard() == Lines{"updated other [name]"});
    CHECK(bench.vm(1)->info.identity.name == "other");
    CHECK(bench.vm(1)->info.identity.id == 1000001);
}

TEST_CASE("a VM that vanishes without a callback is told as vanished") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).outdated(1).gone(1);
    CHECK(bench.heard() ==
          Lines{"vm1 running>stopped (unknown)", "deleted vm1#1000001 (vanished)"});
}

TEST_CASE("a VM that is not found, but had a callback since, is looked for again") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).outdated(1).on(1, suspended, "io_error", 5).gone(1);
    CHECK(bench.heard() == Lines{"vm1 running>paused (io_error)"});
    CHECK(bench.asked() == 2);
}
