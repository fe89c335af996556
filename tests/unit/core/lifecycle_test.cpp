// SPDX-License-Identifier: Apache-2.0
/// PROTOCOL.md, "From callbacks to status": the rows that libvirt's callbacks drive.
#include "agent/core/lifecycle.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <utility>

#include "tests/fakes/examples.hpp"
#include "tests/fakes/lines.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::VmStatus;
using enum rollo::core::Lifecycle;

namespace {

using Lines = std::vector<std::string>;

/// A tracker with what became of it, as `running>paused (user)`.
struct Guest {
    explicit Guest(VmStatus status) : tracker(status, "unknown") {}

    LifecycleTracker tracker;
    Lines lines;
    VmStatus last = tracker.status();

    void note(const std::optional<StatusStep>& step) {
        if (!step) return;
        lines.push_back(fmt::format("{}>{} ({})", word(last), word(step->to), step->reason));
        CHECK(tracker.status() == step->to);
        CHECK(tracker.reason() == step->reason);
        last = step->to;
    }
    Guest& on(Lifecycle what, const std::string& reason) {
        note(tracker.on(what, reason));
        return *this;
    }
    Guest& reboot(std::chrono::milliseconds when) {
        note(tracker.onReboot(at(when).mono));
        return *this;
    }
    Guest& correct(VmStatus status, const std::string& reason) {
        note(tracker.correct(status, reason));
        return *this;
    }
    Guest& unresponsive(bool yes) {
        note(tracker.setUnresponsive(yes));
        return *this;
    }
    Lines take() { return std::exchange(lines, {}); }
};

Guest stoppedGuest() {
    return Guest(VmStatus::stopped);
}
Guest runningGuest() {
    return Guest(VmStatus::running);
}

}  // namespace

TEST_CASE("a start is reported as RESUMED, then STARTED, and told once") {
    auto guest = stoppedGuest();
    guest.on(resumed, "user");
    CHECK(guest.take().empty());
    guest.on(started, "booted");
    CHECK(guest.take() == Lines{"stopped>running (booted)"});
    CHECK_FALSE(guest.tracker.startUndecided());
}

TEST_CASE("a start into pause is STARTED, then SUSPENDED, and told once") {
    auto guest = stoppedGuest();
    guest.on(started, "booted");
    CHECK(guest.take().empty());
    CHECK(guest.tracker.startUndecided());
    guest.on(suspended, "user");
    CHECK(guest.take() == Lines{"stopped>paused (booted)"});
    CHECK_FALSE(guest.tracker.startUndecided());
    guest.on(resumed, "user");
    CHECK(guest.take() == Lines{"paused>running (user)"});
}

TEST_CASE("a guest of unknown state that starts is running") {
    Guest guest(VmStatus::unknown);
    guest.on(resumed, "user").on(started, "booted");
    CHECK(guest.take() == Lines{"unknown>running (booted)"});
}

TEST_CASE("a restored guest is running, or paused where it was saved so") {
    auto guest = stoppedGuest();
    guest.on(started, "restored").on(resumed, "from_snapshot");
    CHECK(guest.take() == Lines{"stopped>running (restored)"});
    auto paused = stoppedGuest();
    paused.on(started, "restored").on(suspended, "restored");
    CHECK(paused.take() == Lines{"stopped>paused (restored)"});
}

TEST_CASE("a guest that migrates here runs when it has arrived") {
    auto quick = stoppedGuest();
    quick.on(started, "migrated").on(resumed, "migrated");
    CHECK(quick.take() == Lines{"stopped>running (migrated)"});
    auto slow = stoppedGuest();
    slow.on(started, "migrated").correct(VmStatus::paused, "unknown").on(resumed, "migrated");
    CHECK(slow.take() == Lines{"stopped>paused (migrated)", "paused>running (migrated)"});
}

TEST_CASE("pauses and resumes carry their reason") {
    for (const auto* reason : {"user", "io_error", "watchdog", "migrated", "api_error"}) {
        auto guest = runningGuest();
        guest.on(suspended, reason).on(resumed, "user");
        CHECK(guest.take() ==
              Lines{fmt::format("running>paused ({})", reason), "paused>running (user)"});
    }
}

TEST_CASE("a pause or a resume told twice is one") {
    auto guest = runningGuest();
    guest.on(resumed, "user").on(suspended, "user").on(suspended, "user");
    CHECK(guest.take() == Lines{"running>paused (user)"});
}

TEST_CASE("a guest that sleeps wakes up in the same process") {
    auto guest = runningGuest();
    guest.on(pmSuspended, "memory");
    CHECK(guest.tracker.active());
    guest.on(started, "wakeup");
    CHECK(guest.take() == Lines{"running>suspended (memory)", "suspended>running (wakeup)"});
}

TEST_CASE("a reboot is reported two to seven times and told once") {
    auto guest = runningGuest();
    guest.reboot(0ms).reboot(70ms).reboot(100ms).reboot(130ms);
    CHECK(guest.take() == Lines{"running>running (reboot)"});
    guest.reboot(5s);
    CHECK(guest.take() == Lines{"running>running (reboot)"});
}

TEST_CASE("a reboot soon after a stop and a start is another one") {
    auto guest = runningGuest();
    guest.reboot(0ms).on(stopped, "destroyed").on(resumed, "user").on(started, "booted").take();
    guest.reboot(800ms);
    CHECK(guest.take() == Lines{"running>running (reboot)"});
}

TEST_CASE("what is stopped or about to stop does not reboot") {
    auto guest = stoppedGuest();
    guest.reboot(0ms);
    CHECK(guest.take().empty());
    auto stopping = runningGuest();
    stopping.on(shutdown, "shutdown").take();
    stopping.reboot(0ms);
    CHECK(stopping.take().empty());
}

TEST_CASE("a shutdown is stopping, then stopped") {
    auto guest = runningGuest();
    guest.on(shutdown, "shutdown").on(stopped, "shutdown");
    CHECK(guest.take() == Lines{"running>stopping (shutdown)", "stopping>stopped (shutdown)"});
    CHECK_FALSE(guest.tracker.active());
}

TEST_CASE("a destroy is two steps, or one where SHUTDOWN is missing") {
    auto guest = runningGuest();
    guest.on(shutdown, "destroyed").on(stopped, "destroyed");
    CHECK(guest.take() == Lines{"running>stopping (destroyed)", "stopping>stopped (destroyed)"});
    auto abrupt = runningGuest();
    abrupt.on(stopped, "destroyed");
    CHECK(abrupt.take() == Lines{"running>stopped (destroyed)"});
}

TEST_CASE("a QEMU that is ended by SIGTERM or killed says so") {
    auto ended = runningGuest();
    ended.on(shutdown, "destroyed").on(stopped, "shutdown");
    CHECK(ended.take() == Lines{"running>stopping (destroyed)", "stopping>stopped (shutdown)"});
    auto killed = runningGuest();
    killed.on(stopped, "failed");
    CHECK(killed.take() == Lines{"running>stopped (failed)"});
}

TEST_CASE("a pause while it stops is not told") {
    auto guest = runningGuest();
    guest.on(shutdown, "shutdown").on(suspended, "user").on(stopped, "shutdown");
    CHECK(guest.take() == Lines{"running>stopping (shutdown)", "stopping>stopped (shutdown)"});
}

TEST_CASE("a panic with on_crash=destroy is crashed, then stopped") {
    auto guest = runningGuest();
    guest.on(crashed, "panicked").on(stopped, "crashed");
    CHECK(guest.take() == Lines{"running>crashed (panicked)", "crashed>stopped (crashed)"});
}

TEST_CASE("a panic with on_crash=restart is crashed, then running") {
    auto guest = runningGuest();
    guest.on(crashed, "panicked").reboot(17ms).on(resumed, "user").reboot(110ms);
    CHECK(guest.take() == Lines{"running>crashed (panicked)", "crashed>running (user)"});
}

TEST_CASE("a panic with on_crash=preserve stays crashed until it is resumed or destroyed") {
    auto guest = runningGuest();
    guest.on(crashed, "panicked").on(suspended, "user");
    CHECK(guest.take() == Lines{"running>crashed (panicked)"});
    guest.on(resumed, "user");
    CHECK(guest.take() == Lines{"crashed>running (user)"});
}

TEST_CASE("a save is paused, then stopped") {
    auto guest = runningGuest();
    guest.on(suspended, "user").on(stopped, "saved");
    CHECK(guest.take() == Lines{"running>paused (user)", "paused>stopped (saved)"});
}

TEST_CASE("a revert to a snapshot stops the old process and starts a new one") {
    auto guest = runningGuest();
    guest.on(stopped, "from_snapshot").on(started, "from_snapshot").on(resumed, "from_snapshot");
    CHECK(guest.take() ==
          Lines{"running>stopped (from_snapshot)", "stopped>running (from_snapshot)"});
}

TEST_CASE("a migration away is paused, then stopped") {
    auto guest = runningGuest();
    guest.on(suspended, "migrated").on(stopped, "migrated");
    CHECK(guest.take() == Lines{"running>paused (migrated)", "paused>stopped (migrated)"});
}

TEST_CASE("definitions change no status") {
    auto guest = runningGuest();
    guest.on(defined, "updated").on(undefined, "removed");
    CHECK(guest.take().empty());
}

TEST_CASE("a start that was never decided and ends leaves no trace") {
    auto guest = stoppedGuest();
    guest.on(started, "migrated").on(stopped, "failed");
    CHECK(guest.take().empty());
    CHECK_FALSE(guest.tracker.startUndecided());
    guest.on(resumed, "user").on(started, "booted");
    CHECK(guest.take() == Lines{"stopped>running (booted)"});
}

TEST_CASE("a RESUMED of a start that failed does not decide the next start") {
    auto guest = stoppedGuest();
    guest.on(resumed, "user").on(stopped, "failed").on(started, "booted");
    CHECK(guest.take().empty());
    CHECK(guest.tracker.startUndecided());
}

TEST_CASE("what a listing told before is not told again by late callbacks") {
    auto guest = stoppedGuest();
    guest.correct(VmStatus::running, "booted").on(resumed, "user").on(started, "booted");
    CHECK(guest.take() == Lines{"stopped>running (booted)"});
    guest.correct(VmStatus::stopped, "shutdown").on(shutdown, "shutdown").on(stopped, "shutdown");
    CHECK(guest.take() == Lines{"running>stopped (shutdown)"});
}

TEST_CASE("reading the state again corrects what was missed, and nothing else") {
    auto guest = runningGuest();
    guest.correct(VmStatus::running, "booted");
    CHECK(guest.take().empty());
    guest.correct(VmStatus::paused, "io_error");
    CHECK(guest.take() == Lines{"running>paused (io_error)"});
    guest.correct(VmStatus::stopped, "failed");
    CHECK(guest.take() == Lines{"paused>stopped (failed)"});
}

TEST_CASE("an undecided start takes its reason from the callback and its status from the state") {
    auto guest = stoppedGuest();
    guest.on(started, "booted").correct(VmStatus::running, "unknown");
    CHECK(guest.take() == Lines{"stopped>running (booted)"});
    CHECK_FALSE(guest.tracker.startUndecided());
}

TEST_CASE("a monitor that does not answer is told, and that it does again") {
    auto guest = runningGuest();
    guest.unresponsive(true).unresponsive(true);
    CHECK(guest.take() == Lines{"running>unresponsive (monitor_timeout)"});
    CHECK(guest.tracker.active());
    guest.unresponsive(false).unresponsive(false);
    CHECK(guest.take() == Lines{"unresponsive>running (responsive)"});
}

TEST_CASE("an unresponsive guest goes back to what it was, or has become since") {
    Guest guest(VmStatus::paused);
    guest.unresponsive(true).unresponsive(false);
    CHECK(guest.take() ==
          Lines{"paused>unresponsive (monitor_timeout)", "unresponsive>paused (responsive)"});
    guest.unresponsive(true).correct(VmStatus::running, "user");
    CHECK(guest.take() == Lines{"paused>unresponsive (monitor_timeout)"});
    guest.unresponsive(false);
    CHECK(guest.take() == Lines{"unresponsive>running (responsive)"});
}

TEST_CASE("an unresponsive guest that ends is stopped, and a new one responsive") {
    auto guest = runningGuest();
    guest.unresponsive(true)
        .on(stopped, "failed")
        .on(resumed, "user")
        .on(started, "booted")
        .unresponsive(false);
    CHECK(guest.take() == Lines{"running>unresponsive (monitor_timeout)",
                                "unresponsive>stopped (failed)", "stopped>running (booted)"});
    guest.unresponsive(true).correct(VmStatus::stopped, "failed").unresponsive(false);
    CHECK(guest.take() ==
          Lines{"running>unresponsive (monitor_timeout)", "unresponsive>stopped (failed)"});
}

TEST_CASE("a callback of an unresponsive guest shows that its monitor answers") {
    auto paused = runningGuest();
    paused.unresponsive(true).on(suspended, "user").unresponsive(false);
    CHECK(paused.take() ==
          Lines{"running>unresponsive (monitor_timeout)", "unresponsive>paused (user)"});
    auto reset = runningGuest();
    reset.unresponsive(true).reboot(0ms);
    CHECK(reset.take() ==
          Lines{"running>unresponsive (monitor_timeout)", "unresponsive>running (reboot)"});
}

TEST_CASE("what has no process cannot be unresponsive") {
    auto guest = stoppedGuest();
    guest.unresponsive(true);
    CHECK(guest.take().empty());
}
