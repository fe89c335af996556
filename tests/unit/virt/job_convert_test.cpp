// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/job_convert.hpp"

#include <doctest/doctest.h>

#include "params.hpp"

using namespace rollo::virt;
using rollo::core::JobKind;
using rollo::core::JobOutcome;

namespace {

virDomainBlockJobInfo blockJob(int type, unsigned long long cur, unsigned long long end) {
    virDomainBlockJobInfo info{};
    info.type = static_cast<unsigned>(type);
    info.cur = cur;
    info.end = end;
    return info;
}

}  // namespace

TEST_CASE("a migration's figures are those of memory and disks together") {
    Params params;
    params.number("operation", VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
        .count("time_elapsed", 5004)
        .count("data_total", 300)
        .count("data_processed", 120)
        .count("data_remaining", 170)
        .count("memory_total", 200)
        .count("memory_processed", 20)
        .count("memory_remaining", 170)
        .count("memory_bps", 40)
        .count("disk_total", 100)
        .count("disk_processed", 100)
        .count("disk_remaining", 0)
        .count("disk_bps", 2);
    const auto figures = figuresOf(params.list());
    REQUIRE(figures);
    CHECK(figures->kind == JobKind::migrationOut);
    CHECK(figures->phase == "memory");
    CHECK(figures->bytesTotal == 300);
    CHECK(figures->bytesProcessed == 120);
    CHECK(figures->bytesRemaining == 170);
    CHECK(figures->bytesPerSecond == 42);
    CHECK(figures->elapsedMs == 5004);
    CHECK_FALSE(figures->mirroring);
}

TEST_CASE("a job that has not begun to move anything has no figures") {
    Params params;
    params.number("operation", VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT)
        .count("time_elapsed", 49)
        .count("data_total", 0)
        .count("data_remaining", 0);
    const auto figures = figuresOf(params.list());
    REQUIRE(figures);
    CHECK(figures->phase == "preparing");
    CHECK(figures->elapsedMs == 49);
    CHECK_FALSE(figures->bytesTotal);
    CHECK_FALSE(figures->bytesRemaining);
}

TEST_CASE("a backup counts its disks, a dump of memory its memory") {
    Params backup;
    backup.number("operation", VIR_DOMAIN_JOB_OPERATION_BACKUP)
        .count("disk_total", 64)
        .count("disk_processed", 24)
        .count("disk_remaining", 40);
    CHECK(figuresOf(backup.list())->kind == JobKind::backup);
    CHECK(figuresOf(backup.list())->phase == "disks");
    CHECK(figuresOf(backup.list())->bytesTotal == 64);
    CHECK(figuresOf(backup.list())->bytesRemaining == 40);
    CHECK_FALSE(figuresOf(backup.list())->bytesPerSecond);
    Params dump;
    dump.number("operation", VIR_DOMAIN_JOB_OPERATION_DUMP)
        .count("memory_total", 12)
        .count("memory_processed", 1);
    CHECK(figuresOf(dump.list())->phase == "memory");
    CHECK(figuresOf(dump.list())->bytesTotal == 12);
    CHECK(figuresOf(dump.list())->bytesProcessed == 1);
    CHECK_FALSE(figuresOf(dump.list())->bytesRemaining);
}

TEST_CASE("disks come before memory, and what the guest asks for after it runs elsewhere") {
    Params disks;
    disks.count("memory_total", 10).count("disk_total", 10).count("disk_remaining", 3);
    CHECK(figuresOf(disks.list())->phase == "disks");
    disks.count("memory_postcopy_requests", 1);
    CHECK(figuresOf(disks.list())->phase == "postcopy");
}

TEST_CASE("each of libvirt's operations has its kind, and a start is none") {
    CHECK_FALSE(jobKind(VIR_DOMAIN_JOB_OPERATION_START));
    CHECK(jobKind(VIR_DOMAIN_JOB_OPERATION_SAVE) == JobKind::save);
    CHECK(jobKind(VIR_DOMAIN_JOB_OPERATION_RESTORE) == JobKind::restore);
    CHECK(jobKind(VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN) == JobKind::migrationIn);
    CHECK(jobKind(VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT) == JobKind::migrationOut);
    CHECK(jobKind(VIR_DOMAIN_JOB_OPERATION_SNAPSHOT) == JobKind::snapshot);
    CHECK(jobKind(VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT) == JobKind::snapshotRevert);
    CHECK(jobKind(10) == JobKind::snapshotDelete);
    CHECK(jobKind(VIR_DOMAIN_JOB_OPERATION_DUMP) == JobKind::dump);
    CHECK(jobKind(VIR_DOMAIN_JOB_OPERATION_BACKUP) == JobKind::backup);
    CHECK(jobKind(VIR_DOMAIN_JOB_OPERATION_UNKNOWN) == JobKind::unknown);
    CHECK(jobKind(4711) == JobKind::unknown);
}

TEST_CASE("a disk's share of a backup is no job of its own") {
    CHECK(blockJobKind(VIR_DOMAIN_BLOCK_JOB_TYPE_PULL) == JobKind::blockPull);
    CHECK(blockJobKind(VIR_DOMAIN_BLOCK_JOB_TYPE_COPY) == JobKind::blockCopy);
    CHECK(blockJobKind(VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT) == JobKind::blockCommit);
    CHECK(blockJobKind(VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT) == JobKind::blockCommit);
    CHECK_FALSE(blockJobKind(VIR_DOMAIN_BLOCK_JOB_TYPE_BACKUP));
    CHECK_FALSE(figuresOf(blockJob(VIR_DOMAIN_BLOCK_JOB_TYPE_BACKUP, 1, 2)));
}

TEST_CASE("a copy that has all keeps the disks in step") {
    const auto moving = figuresOf(blockJob(VIR_DOMAIN_BLOCK_JOB_TYPE_COPY, 16, 64));
    REQUIRE(moving);
    CHECK(moving->bytesTotal == 64);
    CHECK(moving->bytesProcessed == 16);
    CHECK(moving->bytesRemaining == 48);
    CHECK_FALSE(moving->mirroring);
    CHECK(moving->phase == "disks");
    const auto ready = figuresOf(blockJob(VIR_DOMAIN_BLOCK_JOB_TYPE_COPY, 64, 64));
    CHECK(ready->mirroring);
    CHECK(ready->bytesRemaining == 0);
    CHECK(ready->phase == "mirroring");
    CHECK_FALSE(figuresOf(blockJob(VIR_DOMAIN_BLOCK_JOB_TYPE_PULL, 64, 64))->mirroring);
}

TEST_CASE("one of one byte is libvirt's way to say that there is nothing to move") {
    const auto ready = figuresOf(blockJob(VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT, 1, 1));
    CHECK(ready->mirroring);
    CHECK_FALSE(ready->bytesTotal);
    CHECK_FALSE(figuresOf(blockJob(VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT, 0, 1))->mirroring);
}

TEST_CASE("a job that is told as completed has succeeded unless libvirt says that it has not") {
    Params saved;
    saved.number("operation", VIR_DOMAIN_JOB_OPERATION_SAVE);
    CHECK(outcomeOf(saved.list()) == JobOutcome::completed);
    Params backup;
    backup.flag("success", false).text("errmsg", "No space left on device");
    CHECK(outcomeOf(backup.list()) == JobOutcome::failed);
    CHECK(errorOf(backup.list()) == "No space left on device");
    CHECK(errorOf(saved.list()).empty());
    Params good;
    good.flag("success", true);
    CHECK(outcomeOf(good.list()) == JobOutcome::completed);
}

TEST_CASE("a backup is cancelled, or was fetched and is over") {
    Params cancelled;
    cancelled.flag("success", false).text("errmsg", "Operation canceled");
    CHECK(outcomeOf(cancelled.list()) == JobOutcome::cancelled);
    CHECK(errorOf(cancelled.list()).empty());
    Params fetched;
    fetched.flag("success", true).text("errmsg", "Operation canceled");
    CHECK(outcomeOf(fetched.list()) == JobOutcome::completed);
    CHECK(errorOf(fetched.list()).empty());
    Params fetching;
    fetching.number("operation", VIR_DOMAIN_JOB_OPERATION_BACKUP).count("disk_temp_total", 64);
    CHECK_FALSE(figuresOf(fetching.list())->phase);
    CHECK_FALSE(figuresOf(fetching.list())->bytesTotal);
}

TEST_CASE("a block job that is ready goes on") {
    CHECK(blockJobOutcome(VIR_DOMAIN_BLOCK_JOB_COMPLETED) == JobOutcome::completed);
    CHECK(blockJobOutcome(VIR_DOMAIN_BLOCK_JOB_FAILED) == JobOutcome::failed);
    CHECK(blockJobOutcome(VIR_DOMAIN_BLOCK_JOB_CANCELED) == JobOutcome::cancelled);
    CHECK_FALSE(blockJobOutcome(VIR_DOMAIN_BLOCK_JOB_READY));
}
