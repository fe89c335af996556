// SPDX-License-Identifier: Apache-2.0
#include "agent/core/job_words.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace rollo::core {
namespace {

struct Words {
    JobKind kind;
    std::string_view type;
    std::string_view deed;  ///< with braces where the guest, or its disk, is named
};

constexpr std::array words = {
    Words{JobKind::unknown, "job", "A job of libvirt on {}"},
    Words{JobKind::save, "save", "Saving {}"},
    Words{JobKind::restore, "restore", "Restoring {}"},
    Words{JobKind::migrationOut, "migration", "Migrating {} to another host"},
    Words{JobKind::migrationIn, "migration_in", "Migrating {} to this host"},
    Words{JobKind::snapshot, "snapshot", "Taking a snapshot of {}"},
    Words{JobKind::snapshotRevert, "snapshot_revert", "Reverting {} to a snapshot"},
    Words{JobKind::snapshotDelete, "snapshot_delete", "Deleting a snapshot of {}"},
    Words{JobKind::dump, "dump", "Dumping the memory of {}"},
    Words{JobKind::backup, "backup", "Backing up {}"},
    Words{JobKind::blockCopy, "block_copy", "Copying {}"},
    Words{JobKind::blockPull, "block_pull", "Pulling what {} is based on into it"},
    Words{JobKind::blockCommit, "block_commit", "Committing {} into what it is based on"},
};

const Words& wordsOf(JobKind kind) {
    return *std::ranges::find(words, kind, &Words::kind);
}

}  // namespace

std::string_view operationType(JobKind kind) {
    return wordsOf(kind).type;
}

JobKind jobKind(std::string_view operationType) {
    const auto* found = std::ranges::find(words, operationType, &Words::type);
    return found == words.end() ? JobKind::unknown : found->kind;
}

std::string describe(JobKind kind, std::string_view vmName, std::string_view disk) {
    const std::string what =
        disk.empty() ? std::string(vmName) : fmt::format("disk {} of {}", disk, vmName);
    return fmt::format(fmt::runtime(wordsOf(kind).deed), what);
}

}  // namespace rollo::core
