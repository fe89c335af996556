// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/core/observation.hpp"
#include "proto/ids.hpp"

namespace rollo::virt {

/// How the reading of the pools gets on, for whoever has to tell in which file system it hangs.
/// Any thread.
class PoolWalk {
  public:
    /// Does not look into the file systems of `avoided`.
    explicit PoolWalk(std::set<proto::Uuid> avoided) : avoided_(std::move(avoided)) {}

    bool avoids(const proto::Uuid& pool) const { return avoided_.contains(pool); }
    void isInside(std::optional<proto::Uuid> pool) {
        const std::lock_guard lock(mutex_);
        inside_ = pool;
    }
    /// The pool whose file system is being looked at.
    std::optional<proto::Uuid> inside() const {
        const std::lock_guard lock(mutex_);
        return inside_;
    }

  private:
    const std::set<proto::Uuid> avoided_;
    mutable std::mutex mutex_;
    std::optional<proto::Uuid> inside_;
};

/// What a pool's XML tells that no other call does.
struct PoolPlace {
    std::string type;
    std::string path;  ///< of its target, empty where it has none
};
/// Empty members where the text is no pool's.
PoolPlace parsePool(const std::string& xml);

/// All pools, active or not (virConnectListAllStoragePools); none where the driver knows of none.
/// What libvirt knows of an active pool is from its last refresh, which takes long and is never
/// asked for: the figures of directories and file systems are read from the file system itself.
/// Those of avoided ones are libvirt's, and stale. `step` is called between calls that may hang: a
/// pool that somebody refreshes makes libvirt wait, and a file system may be on the network.
/// Throws LibvirtError. Thread: a lane's worker.
core::Pools readPools(virConnectPtr connection, PoolWalk& walk, const std::function<void()>& step);

}  // namespace rollo::virt
