// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "agent/core/observation.hpp"
#include "agent/virt/lane_session.hpp"
#include "agent/virt/storage_pools.hpp"

namespace rollo::virt {

/// The blocking calls of the pools' sampler.
/// Thread: the lane's worker.
class PoolSession final : public LaneSession {
  public:
    static constexpr const char* what = "reading the storage pools";

    explicit PoolSession(Settings settings) : LaneSession(std::move(settings)) {}

    /// Throws LibvirtError.
    core::Pools read(PoolWalk& walk) {
        connect(Access::readOnly);
        return readPools(handle(), walk, [this] { step(); });
    }
    void close() { disconnect(); }
};

}  // namespace rollo::virt
