// SPDX-License-Identifier: Apache-2.0
/// Libvirt's jobs as operations.
#include "agent/core/jobs.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "agent/core/job_words.hpp"
#include "tests/unit/core/host_bench.hpp"
#include "tests/unit/core/samples.hpp"

using namespace rollo;
using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using enum rollo::core::Lifecycle;

namespace {

constexpr std::uint64_t mib = 1 << 20;

JobFigures figures(JobKind kind, std::uint64_t doneMib, std::uint64_t totalMib = 100) {
    JobFigures made;
    made.kind = kind;
    made.bytesTotal = totalMib * mib;
    made.bytesProcessed = doneMib * mib;
    made.bytesRemaining = (totalMib - doneMib) * mib;
    return made;
}

/// The first is `libvirt:0123456789abcdef:1`; a line says `1 save 40 in_progress`.
std::string gist(const Message& m) {
    if (m.type() != "progress") return line(m);
    const std::string id = m.text("data.operation_id");
    return fmt::format("{} {} {} {}", id.substr(id.rfind(':') + 1), m.text("data.operation_type"),
                       m.number("data.progress_percent"), m.text("data.status"));
}

/// VM 1 runs, VM 2 too.
struct Bench : HostBench {
    explicit Bench(const SavedState& saved = {}) : HostBench(saved) {
        begin({runningVm(1, 5), runningVm(2, 6)});
    }
    JobRef job(int number = 1, std::string disk = {}) {
        return {domain(number, number + 4), std::move(disk)};
    }
    Bench& look(std::vector<JobSeen> jobs = {}, std::vector<proto::Uuid> silent = {}) {
        tell(JobsSeen{std::move(jobs), std::move(silent)});
        return *this;
    }
    Bench& saving(std::uint64_t doneMib) {
        return look({{job(), figures(JobKind::save, doneMib)}});
    }
    Bench& ended(const JobRef& ref, JobKind kind, JobOutcome outcome, std::string error = {}) {
        JobFigures last;
        last.kind = kind;
        tell(JobEnded{ref, outcome, std::move(error), last});
        return *this;
    }
    Bench& pass(std::chrono::milliseconds time) {
        clock += time;
        host.tick(at(clock));
        return *this;
    }
    Lines gists() {
        Lines all;
        for (const auto& message : messages()) all.push_back(gist(message));
        return all;
    }
    /// The error of the one end that is told.
    std::string error() {
        for (const auto& message : messages())
            if (message.has("data.error")) return message.text("data.error");
        return "none";
    }
};

}  // namespace

// --- how far it is -------------------------------------------------------------------------------

TEST_CASE("a job that is seen is an operation, from the first look to what libvirt says") {
    Bench bench;
    bench.saving(0).saving(40).saving(70);
    bench.ended(bench.job(), JobKind::save, JobOutcome::completed);
    bench.look().pass(10s);
    CHECK(bench.gists() == Lines{"1 save 0 in_progress", "1 save 40 in_progress",
                                 "1 save 70 in_progress", "1 save 100 completed"});
    CHECK(bench.host.state().operations.empty());
}

TEST_CASE("an operation says what it does, to which VM, how fast and how long still") {
    Bench bench;
    bench.saving(10);
    auto now = figures(JobKind::save, 30);
    now.phase = "memory";
    now.elapsedMs = 2000;
    bench.clock = 2s;
    bench.look({{bench.job(), now}});
    const auto told = bench.messages().back();
    CHECK(told.text("data.operation_id") == "libvirt:0123456789abcdef:1");
    CHECK(told.text("data.message") == "Saving vm1");
    CHECK(told.integer("data.vm_id") == bench.vm(1)->info.identity.id);
    CHECK(told.text("data.phase") == "memory");
    CHECK(told.integer("data.bytes_total") == 100 * mib);
    CHECK(told.integer("data.bytes_processed") == 30 * mib);
    CHECK(told.integer("data.bytes_remaining") == 70 * mib);
    CHECK(told.number("data.rate_bytes_per_second") == 10 * mib);
    CHECK(told.integer("data.eta_ms") == 7000);
    CHECK(told.integer("data.elapsed_ms") == 2000);
}

TEST_CASE("what a guest writes meanwhile does not make the percentage go down") {
    Bench bench;
    const auto migrating = [&](std::uint64_t remaining) {
        auto made = figures(JobKind::migrationOut, 0);
        made.bytesProcessed = 500 * mib;
        made.bytesRemaining = remaining * mib;
        bench.look({{bench.job(), made}});
    };
    for (const std::uint64_t remaining : {60, 5, 50, 0}) migrating(remaining);
    CHECK(bench.gists() == Lines{"1 migration 40 in_progress", "1 migration 95 in_progress",
                                 "1 migration 95 in_progress", "1 migration 99 in_progress"});
}

TEST_CASE("a job that has not begun to count is at 0") {
    for (const auto& made : {JobFigures{}, figures(JobKind::save, 0, 0)}) {
        Bench bench;
        bench.look({{bench.job(), made}});
        CHECK(bench.messages().front().number("data.progress_percent") == 0);
    }
    auto none = figures(JobKind::save, 0);
    none.bytesRemaining = 0;
    CHECK_FALSE(percentOf(none));
    auto doneAlone = figures(JobKind::blockPull, 30);
    doneAlone.bytesRemaining.reset();
    CHECK(percentOf(doneAlone) == 30);
    doneAlone.bytesProcessed = 200 * mib;
    CHECK(percentOf(doneAlone) == 99);
    auto more = figures(JobKind::save, 10);
    more.bytesRemaining = 200 * mib;
    CHECK(percentOf(more) == 0);
}

TEST_CASE("a copy that mirrors waits at 99 until somebody ends it") {
    Bench bench;
    auto copy = figures(JobKind::blockCopy, 100);
    copy.mirroring = true;
    bench.look({{bench.job(1, "vda"), copy}}).pass(10min);
    bench.look({{bench.job(1, "vda"), copy}});
    const auto told = bench.messages().back();
    CHECK(told.number("data.progress_percent") == 99);
    CHECK(told.text("data.phase") == "mirroring");
    CHECK(told.text("data.message") == "Copying disk vda of vm1");
    CHECK(told.isNull("data.eta_ms"));
    bench.ended(bench.job(1, "vda"), JobKind::blockCopy, JobOutcome::completed);
    CHECK(bench.gists() == Lines{"1 block_copy 100 completed"});
}

TEST_CASE("a speed that libvirt does not give is evened out, one that it gives is not") {
    JobPace pace;
    CHECK_FALSE(pace.take(figures(JobKind::blockCopy, 0), at().mono));
    CHECK(pace.take(figures(JobKind::blockCopy, 16), at(1s).mono) == 16 * mib);
    const auto slower = pace.take(figures(JobKind::blockCopy, 16), at(2s).mono);
    CHECK(*slower < 16 * mib);
    CHECK(*slower > 10 * mib);
    CHECK(pace.take(figures(JobKind::blockCopy, 3), at(3s).mono) == slower);
    auto said = figures(JobKind::blockCopy, 20);
    said.bytesPerSecond = 7;
    CHECK(pace.take(said, at(4s).mono) == 7);
    CHECK_FALSE(etaOf(said, 0));
    CHECK_FALSE(etaOf(said, 1e-9));
    CHECK(etaOf(said, 80 * mib) == 1000);
}

TEST_CASE("every kind of job has a word, and the word leads back") {
    for (int i = 0; i <= static_cast<int>(JobKind::blockCommit); ++i) {
        const auto kind = static_cast<JobKind>(i);
        CHECK(jobKind(operationType(kind)) == kind);
        CHECK(describe(kind, "web", "vda").find("disk vda of web") != std::string::npos);
    }
    CHECK(operationType(JobKind::migrationOut) == "migration");
    CHECK(jobKind("vm_creation") == JobKind::unknown);
}

TEST_CASE("jobs of several disks and domains are operations of their own") {
    Bench bench;
    bench.look({{bench.job(1, "vda"), figures(JobKind::blockPull, 1)},
                {bench.job(1, "vdb"), figures(JobKind::blockCommit, 2)},
                {bench.job(1), figures(JobKind::backup, 3)},
                {bench.job(2, "vda"), figures(JobKind::blockCopy, 4)}});
    bench.ended(bench.job(1, "vdb"), JobKind::blockCommit, JobOutcome::failed, "No space left");
    CHECK(bench.gists() == Lines{"1 block_pull 1 in_progress", "2 block_commit 2 in_progress",
                                 "3 backup 3 in_progress", "4 block_copy 4 in_progress",
                                 "2 block_commit 2 failed"});
    CHECK(bench.host.state().operations.size() == 3);
}

// --- how it ends ---------------------------------------------------------------------------------

TEST_CASE("an end says why, where it is no success") {
    Bench bench;
    bench.saving(10).ended(bench.job(), JobKind::save, JobOutcome::failed, "No space left");
    auto told = bench.messages().back();
    CHECK(told.text("data.error") == "No space left");
    CHECK(told.text("data.message") == "Saving vm1: failed: No space left");
    bench.look().saving(10).ended(bench.job(), JobKind::save, JobOutcome::cancelled);
    told = bench.messages().back();
    CHECK(told.text("data.status") == "cancelled");
    CHECK_FALSE(told.text("data.error").empty());
    bench.look().saving(10).ended(bench.job(), JobKind::save, JobOutcome::completed);
    told = bench.messages().back();
    CHECK_FALSE(told.has("data.error"));
    CHECK(told.text("data.message") == "Saving vm1: completed");
}

TEST_CASE("a job too short to be seen is told by its end") {
    Bench bench;
    for (int i = 0; i < 2; ++i)
        bench.ended(bench.job(), JobKind::snapshot, JobOutcome::completed).look();
    CHECK(bench.gists() == Lines{"1 snapshot 100 completed", "2 snapshot 100 completed"});
}

TEST_CASE("a look from before the end does not make the job come back") {
    Bench bench;
    bench.saving(10).ended(bench.job(), JobKind::save, JobOutcome::completed).heard();
    bench.saving(20);
    CHECK(bench.heard().empty());
    bench.saving(3);
    CHECK(bench.gists() == Lines{"2 save 3 in_progress"});
}

TEST_CASE("the callback may come after the look that misses the job") {
    Bench bench;
    bench.saving(10).look().pass(1s).ended(bench.job(), JobKind::save, JobOutcome::completed);
    bench.pass(10s);
    CHECK(bench.gists() == Lines{"1 save 10 in_progress", "1 save 100 completed"});
}

TEST_CASE("without a callback, what became of the guest tells") {
    struct Case {
        JobKind kind;
        Lifecycle what;
        std::string reason;
        std::string end;
    };
    for (const auto& [kind, what, reason, end] :
         {Case{JobKind::save, stopped, "saved", "1 save 100 completed"},
          Case{JobKind::migrationOut, stopped, "migrated", "1 migration 100 completed"},
          Case{JobKind::save, stopped, "destroyed", "1 save 50 failed"},
          Case{JobKind::migrationOut, stopped, "saved", "1 migration 50 failed"},
          Case{JobKind::dump, stopped, "crashed", "1 dump 50 failed"},
          Case{JobKind::blockCopy, stopped, "shutdown", "1 block_copy 50 failed"},
          Case{JobKind::save, resumed, "user", "1 save 50 failed"}}) {
        Bench bench;
        bench.look({{bench.job(), figures(kind, 50)}}).on(1, what, reason);
        bench.look().pass(1s).heard();
        CHECK(bench.heard().empty());
        bench.pass(1s);
        CHECK(bench.gists() == Lines{end});
        bench.ended(bench.job(), kind, JobOutcome::completed);
        CHECK(bench.heard().empty());
    }
}

TEST_CASE("a guest that is saved and started again at once has been saved") {
    Bench bench;
    bench.saving(50).on(1, stopped, "saved").on(1, started, "restored", 7);
    bench.on(1, resumed, "user", 7);
    bench.heard();
    bench.look().pass(2s);
    CHECK(bench.gists() == Lines{"1 save 100 completed"});
}

TEST_CASE("a guest that arrives is here when it runs, or stays, and not if it ends before that") {
    struct Case {
        std::string name, end;
    };
    for (const auto& [name, end] : {Case{"runs", "1 migration_in 100 completed"},
                                    Case{"runs, then ends", "1 migration_in 100 completed"},
                                    Case{"stays paused", "1 migration_in 100 completed"},
                                    Case{"fails", "1 migration_in 0 failed"},
                                    Case{"runs, but fails", "1 migration_in 0 failed"},
                                    Case{"is missed, then fails", "1 migration_in 0 failed"}}) {
        CAPTURE(name);
        Bench bench;
        JobFigures arriving;
        arriving.kind = JobKind::migrationIn;
        bench.on(1, stopped, "destroyed");
        bench.look();
        bench.on(1, started, "migrated", 5).on(1, suspended, "migrated", 5);
        bench.look({{bench.job(), arriving}});
        if (name.starts_with("runs")) bench.on(1, resumed, "migrated", 5);
        if (name != "fails" && name != "runs, but fails") bench.look();
        if (name.ends_with("ends")) bench.on(1, stopped, "destroyed");
        if (name.ends_with("fails")) bench.on(1, stopped, "failed");
        bench.heard();
        bench.look().pass(2s);
        CHECK(bench.gists() == Lines{end});
    }
}

TEST_CASE("an end that nobody tells of is no success") {
    Bench bench;
    bench.look({{bench.job(), figures(JobKind::dump, 99)}}).look().pass(2s);
    CHECK(bench.error() == "it ended, and libvirt did not say how");
}

TEST_CASE("a guest that hangs, and with it the status of the server, holds up no other's end") {
    Bench bench;
    bench.saving(10);
    bench.tell(unresponsive(2));
    for (int i = 0; i < 15; ++i) bench.pass(1s);
    REQUIRE(bench.host.state().server.status == proto::ServerStatus::degraded);
    bench.look().pass(2s);
    CHECK(bench.error() == "it ended, and libvirt did not say how");
}

TEST_CASE("a domain that does not answer keeps its operations") {
    Bench bench;
    bench.saving(10).look({}, {uuid(1)}).pass(10s);
    CHECK(bench.gists() == Lines{"1 save 10 in_progress"});
    bench.saving(20);
    CHECK(bench.gists() == Lines{"1 save 20 in_progress"});
}

TEST_CASE("a job that takes the place of another is another operation") {
    Bench bench;
    const auto dump = [&](std::int64_t elapsedMs) {
        auto made = figures(JobKind::dump, 50);
        made.elapsedMs = elapsedMs;
        bench.clock += 1s;
        bench.look({{bench.job(), made}});
    };
    dump(5000);
    dump(6000);
    dump(100);
    CHECK(bench.gists() == Lines{"1 dump 50 in_progress", "1 dump 50 in_progress",
                                 "1 dump 50 failed", "2 dump 50 in_progress"});
    bench.saving(5);
    CHECK(bench.gists() == Lines{"2 dump 50 failed", "3 save 5 in_progress"});
    bench.look({{{domain(1, 9), ""}, figures(JobKind::save, 8)}});
    CHECK(bench.gists() == Lines{"3 save 5 failed", "4 save 8 in_progress"});
    bench.ended(bench.job(), JobKind::snapshot, JobOutcome::completed);
    CHECK(bench.gists() == Lines{"4 save 8 failed", "5 snapshot 100 completed"});
}

TEST_CASE("a block job that has done less than before is another one") {
    Bench bench;
    for (const int done : {50, 60, 10})
        bench.look({{bench.job(1, "vda"), figures(JobKind::blockCommit, done)}});
    CHECK(bench.gists() == Lines{"1 block_commit 50 in_progress", "1 block_commit 60 in_progress",
                                 "1 block_commit 60 failed", "2 block_commit 10 in_progress"});
}

// --- VMs that come and go ------------------------------------------------------------------------

TEST_CASE("the end of an operation comes before its VM goes") {
    Bench bench;
    bench.outdated(1);
    bench.saving(50).heard();
    bench.gone(1);
    bench.pass(10s);
    CHECK(bench.gists() == Lines{"vm1 running>stopped (unknown)", "1 save 50 failed",
                                 "deleted vm1#1000001 (vanished)"});
    bench.ended(bench.job(), JobKind::save, JobOutcome::completed);
    CHECK(bench.heard().empty());
}

TEST_CASE("jobs of a domain that is not known yet are not told") {
    Bench bench;
    bench.look({{bench.job(3), figures(JobKind::restore, 50)}});
    bench.ended(bench.job(3), JobKind::restore, JobOutcome::completed);
    CHECK(bench.heard().empty());
}

TEST_CASE("an operation is told by the present name of its VM") {
    Bench bench;
    bench.saving(50).outdated(1);
    auto renamed = runningVm(1, 5);
    renamed.domain.name = "renamed";
    bench.described(renamed).heard();
    bench.saving(60);
    CHECK(bench.host.state().operations.begin()->second.vm->name == "renamed");
    CHECK(bench.messages().back().text("data.message") == "Saving renamed");
    bench.outdated(1).described(claiming(renamed, 42));
    CHECK(bench.host.state().operations.begin()->second.vm->id == 42);
}

// --- losses --------------------------------------------------------------------------------------

TEST_CASE("an operation outlives a loss of libvirt, and goes on where it was") {
    Bench bench;
    bench.saving(50).look().lose();
    auto told = bench.messages();
    CHECK(told.back().text("data.message").find("libvirt is lost") != std::string::npos);
    bench.pass(10min).open();
    bench.saving(40).pass(10s);
    bench.list({runningVm(1, 5), runningVm(2, 6)}).heard();
    bench.saving(60).pass(10s);
    CHECK(bench.gists() == Lines{"1 save 60 in_progress"});
}

TEST_CASE("what ended while libvirt was lost is told from what is found, after the listing") {
    auto savedVm = stoppedVm(1);
    savedVm.reason = "saved";
    for (const auto& [found, end] :
         {std::pair{savedVm, "1 save 100 completed"}, std::pair{stoppedVm(1), "1 save 50 failed"},
          std::pair{runningVm(1, 5), "1 save 50 failed"}}) {
        Bench bench;
        bench.saving(50).lose().open();
        bench.look().pass(10s);
        CHECK(bench.host.state().operations.size() == 1);
        bench.list({found, runningVm(2, 6)}).heard();
        bench.pass(2s);
        CHECK(bench.gists() == Lines{end});
    }
    Bench bench;
    bench.saving(50).lose().open().list({runningVm(1, 5), runningVm(2, 6)});
    bench.look().pass(2s);
    CHECK(bench.error() ==
          "how it ended is not known, because libvirt was not connected when it ended");
}

TEST_CASE("an operation of a former run of the agent goes on, with its id and no less") {
    Bench before;
    before.saving(50);
    const SavedState saved = before.host.saved();
    REQUIRE(saved.operations.size() == 1);
    Bench after(saved);
    REQUIRE(after.host.state().operations.size() == 1);
    CHECK(after.host.state().operations.begin()->second.percent == 50);
    CHECK(after.host.saved().operations == saved.operations);
    after.saving(40).pass(10s);
    CHECK(after.gists() == Lines{"1 save 50 in_progress"});
    after.ended(after.job(), JobKind::save, JobOutcome::completed);
    after.saving(1).saving(1);
    CHECK(after.host.state().operations.begin()->first == "libvirt:0123456789abcdef:1");
}

TEST_CASE("nothing of a former operation is told before its VM is known, and nothing is lost") {
    Bench before;
    before.saving(50);
    const SavedState saved = before.host.saved();
    HostBench after(saved);
    after.open();
    CHECK(after.host.state().operations.empty());
    CHECK(after.host.saved().operations == saved.operations);
    after.list({runningVm(2, 6)});
    const auto told = after.messages();
    CHECK(told.back().text("data.status") == "failed");
    CHECK(told.back().integer("data.vm_id") == 1000001);
    CHECK(after.host.saved().operations.empty());
}

TEST_CASE("a look from before the first listing counts: there may be no other where all is quiet") {
    Bench before;
    before.saving(50);
    for (const bool seen : {true, false}) {
        HostBench after(before.host.saved());
        JobsSeen look;
        if (seen) look.jobs = {{before.job(), figures(JobKind::save, 60)}};
        after.open().tell(look).list({runningVm(1, 5)});
        after.clock += 2s;
        after.host.tick(at(after.clock));
        CHECK(after.host.state().operations.size() == (seen ? 1 : 0));
    }
}

TEST_CASE("a job that ended while the agent was not there is ended by what is found") {
    Bench before;
    before.saving(50);
    const SavedState saved = before.host.saved();
    auto savedVm = stoppedVm(1);
    savedVm.reason = "saved";
    for (const auto& [found, end] : {std::pair{savedVm, "1 save 100 completed"},
                                     std::pair{runningVm(1, 5), "1 save 50 failed"}}) {
        HostBench after(saved);
        after.begin({found, runningVm(2, 6)});
        after.tell(JobsSeen{});
        after.clock += 2s;
        after.host.tick(at(after.clock));
        const auto told = after.messages();
        REQUIRE(told.size() == 1);
        CHECK(gist(told[0]) == end);
        if (found.status == proto::VmStatus::running)
            CHECK(told[0].text("data.error") ==
                  "how it ended is not known, because the agent was not running when it ended");
    }
}

TEST_CASE("another job of the same kind that began since is not the former one") {
    Bench before;
    auto old = figures(JobKind::save, 50);
    old.elapsedMs = 30000;
    before.look({{before.job(), old}});
    Bench after(before.host.saved());
    after.clock = 10min;
    auto fresh = figures(JobKind::save, 10);
    fresh.elapsedMs = 40000;
    after.look({{after.job(), fresh}});
    CHECK(after.gists() == Lines{"1 save 50 failed", "1 save 10 in_progress"});
}
