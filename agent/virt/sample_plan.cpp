// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/sample_plan.hpp"

#include <utility>

namespace rollo::virt {

Choice SamplePlan::choose(const Looks& looks, common::Monotonic now,
                          std::chrono::milliseconds unresponsiveAfter) {
    Choice choice;
    std::unordered_map<proto::Uuid, Guest> seen;
    for (const Look& look : looks) {
        const auto last = lastLook_.find(look.uuid);
        const bool advances = last != lastLook_.end() && last->second.domainId == look.domainId &&
                              last->second.cpuTimeNs < look.cpuTimeNs;
        auto& list = occupiedSince(look, now - unresponsiveAfter)        ? choice.unresponsive
                     : advances && !occupiedSince(look, now - hungAfter) ? choice.ask
                                                                         : choice.silent;
        list.push_back(look.uuid);
        seen.emplace(look.uuid, Guest{look.domainId, look.cpuTimeNs});
    }
    lastLook_ = std::move(seen);
    return choice;
}

}  // namespace rollo::virt
