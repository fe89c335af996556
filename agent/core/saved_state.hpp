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

/// The part of the inventory that outlives the agent.
struct SavedState {
    std::optional<proto::Uuid> serverUuid;
    proto::VmId nextId = 0;  ///< every id that was ever allotted is smaller; 0: none was
    std::string hostBootId;  ///< the kernel's boot id: domain ids mean something within it alone
    std::vector<SavedVm> vms;
    std::vector<proto::Alert> alerts;  ///< those that fire

    bool operator==(const SavedState&) const = default;
};

}  // namespace rollo::core
