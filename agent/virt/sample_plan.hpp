// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "agent/virt/look.hpp"

namespace rollo::virt {

/// Whom a careful round asks, and whom it leaves out; each guest stands in one list.
struct Choice {
    std::vector<proto::Uuid> ask;
    std::vector<proto::Uuid> silent;
    std::vector<proto::Uuid> unresponsive;
};

/// Decides whom to ask while so many monitors hang that no further call may: only guests that
/// certainly live, because their CPU time has advanced since the last look. An idle guest is left
/// out too. Pure: no libvirt, no clock.
class SamplePlan {
  public:
    /// A monitor that is occupied longer than `unresponsiveAfter` does not answer.
    Choice choose(const Looks& looks, common::Monotonic now,
                  std::chrono::milliseconds unresponsiveAfter);

  private:
    struct Guest {
        int domainId = -1;
        std::uint64_t cpuTimeNs = 0;
    };
    std::unordered_map<proto::Uuid, Guest> lastLook_;
};

}  // namespace rollo::virt
