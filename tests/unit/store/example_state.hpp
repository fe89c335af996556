// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <vector>

#include "agent/core/saved_state.hpp"

namespace rollo::store::tests {

inline proto::Uuid uuid(unsigned char last) {
    proto::Uuid result;
    result.bytes.fill(0xa5);
    result.bytes.back() = last;
    return result;
}

/// One about a VM, with figures, and one that another program published.
inline std::vector<proto::Alert> exampleAlerts() {
    const auto when = [](std::int64_t ms) {
        return common::WallClock(std::chrono::milliseconds(ms));
    };
    proto::Alert own;
    own.id = "vm_memory:" + uuid(1).toString();
    own.type = "vm_memory";
    own.severity = proto::Severity::critical;
    own.title = "High memory usage";
    own.message = "\"web\" uses 98.5 %";
    own.vm = proto::VmIdentity{17, uuid(1), "web", true};
    own.firstSeen = when(1767225600123);
    own.lastSeen = when(1767225700456);
    own.count = 21;
    own.value = 98.5;
    own.threshold = 98;
    proto::Alert published;
    published.id = "backup/é";
    published.type = "backup_late";
    published.severity = proto::Severity::info;
    published.other = proto::OtherEntity{"repository", 9};
    published.firstSeen = published.lastSeen = when(0);
    return {own, published};
}

/// A server with a VM of the platform and two of the agent's own ids, and alerts.
inline core::SavedState exampleState() {
    return {.serverUuid = uuid(0),
            .nextId = 1000007,
            .hostBootId = "5f2f6f6a-9d0b-4c5e-8a53-0d9c8e1d3f10",
            .vms = {{uuid(1), 17, true, "web", 3, "boot-1", 123456789012},
                    {uuid(2), 1000001, false, "db \"é\"\n\\", -1, "", 0},
                    {uuid(3), 1000005, false, "", 2147483647, "boot-3", 9223372036854775807U}},
            .alerts = exampleAlerts()};
}

}  // namespace rollo::store::tests
