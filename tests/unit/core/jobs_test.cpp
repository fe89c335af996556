// SPDX-License-Identifier: Apache-2.0
/// Libvirt's jobs as operations.
#include <doctest/doctest.h>

#include "agent/core/job_words.hpp"
#include "tests/unit/core/jobs_bench.hpp"
#include "tests/unit/core/samples.hpp"

using namespace rollo;
using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using enum rollo::core::Lifecycle;
using Bench = JobsBench;

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

TEST_CASE("a look that comes long after an end was not taken before it") {
    Bench bench;
    bench.saving(5).ended(bench.job(), JobKind::save, JobOutcome::completed);
    bench.saving(10);
    CHECK(bench.gists() == Lines{"1 save 5 in_progress", "1 save 100 completed"});
    bench.ended(bench.job(), JobKind::dump, JobOutcome::completed).pass(30s).saving(20);
    CHECK(bench.gists() == Lines{"2 dump 100 completed", "3 save 20 in_progress"});
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
