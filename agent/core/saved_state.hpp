// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/events.hpp"
#include "proto/ids.hpp"

namespace rollo::core {

/// What is kept of one VM from one run of the agent to the next.
struct SavedVm {
    proto::Uuid uuid;
    proto::VmId id = 0;
    bool fromPlatform = false;  ///< the id stands in the domain's metadata
    std::string name;
    int domainId = -1;  ///< virDomainGetID when it was last seen; -1: inactive
    std::string bootId;
    std::uint64_t cpuTimeNs = 0;  ///< of the QEMU process that `bootId` names

    bool operator==(const SavedVm&) const = default;
};

/// An operation that was under way.
struct SavedOperation {
    std::string id;
    std::string type;
    double percent = 0;
    std::string message;
    std::optional<proto::Uuid> vm;
    // Of a job of libvirt's:
    std::string disk;            ///< the disk's target; empty: the domain's own job, or no job
    std::int64_t startedAt = 0;  ///< seconds since 1970
    proto::Counter processed;    ///< bytes

    bool operator==(const SavedOperation&) const = default;
};

/// The part of the inventory that outlives the agent.
struct SavedState {
    std::optional<proto::Uuid> serverUuid;
    proto::VmId nextId = 0;  ///< every id that was ever allotted is smaller; 0: none was
    std::string hostBootId;  ///< the kernel's boot id: domain ids mean something within it alone
    std::vector<SavedVm> vms;
    std::vector<SavedOperation> operations;
    std::vector<proto::Alert> alerts;  ///< those that fire

    bool operator==(const SavedState&) const = default;
};

}  // namespace rollo::core
