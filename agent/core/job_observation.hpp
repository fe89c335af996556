// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/domain_ref.hpp"
#include "proto/events.hpp"

/// What libvirt tells of the jobs that it does on domains, whoever asked for them. Plain values:
/// they cross threads by move.
namespace rollo::core {

/// virDomainJobOperation, and virDomainBlockJobType for the last three. A managed save and a save
/// are one to libvirt.
enum class JobKind {
    unknown,
    save,
    restore,
    migrationOut,
    migrationIn,
    snapshot,
    snapshotRevert,
    snapshotDelete,
    dump,
    backup,
    blockCopy,
    blockPull,
    blockCommit
};

/// A domain has at most one job of its own, and one for each of its disks.
struct JobRef {
    DomainRef domain;
    std::string disk;  ///< the disk's target (`vda`); empty: the domain's own job
};

/// How far a job is; what libvirt did not tell is empty.
struct JobFigures {
    JobKind kind = JobKind::unknown;
    /// A word of the protocol: `preparing`, `memory`, `disks`, `postcopy`, `switch_over`, …
    std::optional<std::string> phase;
    proto::Counter bytesTotal, bytesProcessed, bytesRemaining;
    proto::Figure bytesPerSecond;
    std::optional<std::int64_t> elapsedMs;
    /// A copy that has all and now keeps it in step, until somebody pivots or ends it.
    bool mirroring = false;
};

struct JobSeen {
    JobRef job;
    JobFigures figures;
};

/// One look at the jobs of all active domains. One that was seen before and is not here any more,
/// and whose domain could be asked, is over.
struct JobsSeen {
    std::vector<JobSeen> jobs;
    std::vector<proto::Uuid> silent;  ///< these did not answer: nothing is known of their jobs
};

enum class JobOutcome { completed, failed, cancelled };

/// Libvirt has said how a job ended (VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, …_BLOCK_JOB_2). Comes in
/// order with the other callbacks; not every job that ends has one.
struct JobEnded {
    JobRef job;
    JobOutcome outcome = JobOutcome::completed;
    std::string error;  ///< libvirt's, where it gave one
    JobFigures figures;
};

}  // namespace rollo::core
