// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/core/saved_state.hpp"
#include "proto/ids.hpp"

namespace rollo::core {

/// Which VM has which id: from the domain's metadata where the platform wrote one, else allotted,
/// kept for good and never given to another.
class IdBook {
  public:
    /// `firstId` is where allotted ids begin when nothing was saved.
    IdBook(const SavedState& saved, proto::VmId firstId);

    struct Given {
        proto::VmId id = 0;
        bool fromPlatform = false;
        /// The VM that has the id which this one's metadata claims as well.
        std::optional<proto::Uuid> conflictWith;
    };
    /// The id of a VM that exists, by what its metadata says now.
    Given assign(const proto::Uuid& uuid, std::optional<proto::VmId> platformId);
    /// The VM is gone. Its id stays its own; only a platform's claim on it may be taken over.
    void release(const proto::Uuid& uuid);
    /// True if the id was this VM's before: it goes first where several claim one.
    bool had(const proto::Uuid& uuid, proto::VmId id) const;

    proto::VmId nextId() const { return nextId_; }
    /// All ids, of VMs that exist and of those that are gone, in their order.
    std::vector<SavedVm> saved() const;

  private:
    struct Entry {
        proto::VmId id = 0;
        bool fromPlatform = false;
        proto::VmId allotted = 0;  ///< kept also while the platform's id is in use; 0: none yet
        bool present = false;
        std::optional<std::list<proto::Uuid>::iterator> departed;
    };
    proto::VmId allot(Entry& entry);
    void disown(const proto::Uuid& uuid, proto::VmId id);
    bool keeps(const proto::Uuid& uuid, proto::VmId id) const;
    void giveUpClaim(const proto::Uuid& uuid);
    void forget(const proto::Uuid& uuid);

    std::unordered_map<proto::Uuid, Entry> entries_;
    std::unordered_map<proto::VmId, proto::Uuid> owners_;
    std::list<proto::Uuid> departed_;  ///< VMs that are gone, the oldest first
    proto::VmId nextId_;
};

}  // namespace rollo::core
