// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/job_convert.hpp"

namespace rollo::virt {

namespace {

using core::JobKind;

/// The one that counts everything, or what it is the sum of: a backup has disks alone, a dump of
/// the memory alone has memory alone.
proto::Counter sum(TypedParams parameters, std::string_view whole, std::string_view memory,
                   std::string_view disk) {
    if (const auto all = count(parameters, whole)) return all;
    const auto first = count(parameters, memory);
    const auto second = count(parameters, disk);
    if (!first || !second) return first ? first : second;
    return *first + *second;
}

/// QEMU's word for ECANCELED; libvirt starts it with LC_ALL=C.
constexpr std::string_view cancelled = "Operation canceled";

std::string_view errmsg(TypedParams completed) {
    const auto* error = find(completed, VIR_DOMAIN_JOB_ERRMSG);
    return error ? textOf(*error) : std::string_view();
}

std::string_view phaseOf(TypedParams parameters) {
    if (count(parameters, VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS).value_or(0) > 0) return "postcopy";
    if (count(parameters, VIR_DOMAIN_JOB_DISK_REMAINING).value_or(0) > 0) return "disks";
    return count(parameters, VIR_DOMAIN_JOB_MEMORY_TOTAL).value_or(0) > 0 ? "memory" : "disks";
}

}  // namespace

std::optional<JobKind> jobKind(int operation) {
    switch (operation) {
        case VIR_DOMAIN_JOB_OPERATION_START:
            return std::nullopt;
        case VIR_DOMAIN_JOB_OPERATION_SAVE:
            return JobKind::save;
        case VIR_DOMAIN_JOB_OPERATION_RESTORE:
            return JobKind::restore;
        case VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN:
            return JobKind::migrationIn;
        case VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT:
            return JobKind::migrationOut;
        case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT:
            return JobKind::snapshot;
        case VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT:
            return JobKind::snapshotRevert;
        case 10:  // VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE, since 9.0.0
            return JobKind::snapshotDelete;
        case VIR_DOMAIN_JOB_OPERATION_DUMP:
            return JobKind::dump;
        case VIR_DOMAIN_JOB_OPERATION_BACKUP:
            return JobKind::backup;
        default:
            return JobKind::unknown;
    }
}

std::optional<JobKind> blockJobKind(int type) {
    switch (type) {
        case VIR_DOMAIN_BLOCK_JOB_TYPE_PULL:
            return JobKind::blockPull;
        case VIR_DOMAIN_BLOCK_JOB_TYPE_COPY:
            return JobKind::blockCopy;
        case VIR_DOMAIN_BLOCK_JOB_TYPE_COMMIT:
        case VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT:
            return JobKind::blockCommit;
        default:
            return std::nullopt;
    }
}

std::optional<core::JobOutcome> blockJobOutcome(int status) {
    switch (status) {
        case VIR_DOMAIN_BLOCK_JOB_COMPLETED:
            return core::JobOutcome::completed;
        case VIR_DOMAIN_BLOCK_JOB_FAILED:
            return core::JobOutcome::failed;
        case VIR_DOMAIN_BLOCK_JOB_CANCELED:
            return core::JobOutcome::cancelled;
        default:
            return std::nullopt;
    }
}

std::optional<core::JobFigures> figuresOf(TypedParams parameters) {
    const auto kind =
        jobKind(static_cast<int>(count(parameters, VIR_DOMAIN_JOB_OPERATION).value_or(0)));
    if (!kind) return std::nullopt;
    core::JobFigures figures{.kind = *kind};
    if (const auto elapsed = count(parameters, VIR_DOMAIN_JOB_TIME_ELAPSED))
        figures.elapsedMs = static_cast<std::int64_t>(*elapsed);
    const auto total = sum(parameters, VIR_DOMAIN_JOB_DATA_TOTAL, VIR_DOMAIN_JOB_MEMORY_TOTAL,
                           VIR_DOMAIN_JOB_DISK_TOTAL);
    if (!total) return figures;  // such as a backup that somebody fetches
    if (*total == 0) {           // all figures are zero then, which is not what is left to do
        figures.phase = "preparing";
        return figures;
    }
    figures.phase = phaseOf(parameters);
    figures.bytesTotal = total;
    figures.bytesProcessed = sum(parameters, VIR_DOMAIN_JOB_DATA_PROCESSED,
                                 VIR_DOMAIN_JOB_MEMORY_PROCESSED, VIR_DOMAIN_JOB_DISK_PROCESSED);
    figures.bytesRemaining = sum(parameters, VIR_DOMAIN_JOB_DATA_REMAINING,
                                 VIR_DOMAIN_JOB_MEMORY_REMAINING, VIR_DOMAIN_JOB_DISK_REMAINING);
    if (const auto speed = sum(parameters, "", VIR_DOMAIN_JOB_MEMORY_BPS, VIR_DOMAIN_JOB_DISK_BPS))
        figures.bytesPerSecond = static_cast<double>(*speed);
    return figures;
}

std::optional<core::JobFigures> figuresOf(const virDomainBlockJobInfo& info) {
    const auto kind = blockJobKind(info.type);
    if (!kind) return std::nullopt;
    core::JobFigures figures{.kind = *kind};
    const bool staysInStep = info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_COPY ||
                             info.type == VIR_DOMAIN_BLOCK_JOB_TYPE_ACTIVE_COMMIT;
    // Libvirt keeps one below the other for as long as a job is not ready, and says 0 of 1 or 1 of
    // 1 where there is nothing to move.
    figures.mirroring = staysInStep && info.cur == info.end;
    figures.phase = figures.mirroring ? "mirroring" : "disks";
    if (info.end <= 1 || info.cur > info.end) return figures;
    figures.bytesTotal = info.end;
    figures.bytesProcessed = info.cur;
    figures.bytesRemaining = info.end - info.cur;
    return figures;
}

core::JobOutcome outcomeOf(TypedParams completed) {
    if (count(completed, VIR_DOMAIN_JOB_SUCCESS).value_or(1) != 0)
        return core::JobOutcome::completed;
    return errmsg(completed) == cancelled ? core::JobOutcome::cancelled : core::JobOutcome::failed;
}

std::string_view errorOf(TypedParams completed) {
    return outcomeOf(completed) == core::JobOutcome::failed ? errmsg(completed)
                                                            : std::string_view();
}

}  // namespace rollo::virt
