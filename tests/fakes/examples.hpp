// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "common/clock.hpp"
#include "proto/events.hpp"
#include "proto/ids.hpp"

/// Values that tests of several folders use.
namespace rollo::tests {

/// 2026-01-01T00:00:00.000Z and as much later, on both clocks.
inline common::Now at(std::chrono::milliseconds later = {}) {
    return {common::Monotonic(std::chrono::hours(1)) + later,
            common::WallClock(std::chrono::seconds(1767225600)) + later};
}

inline proto::Uuid uuid(unsigned char number) {
    proto::Uuid made;
    made.bytes[15] = number;
    return made;
}

inline proto::VmIdentity vm(proto::VmId id, std::string name = {}, bool fromPlatform = true) {
    if (name.empty()) name = "vm" + std::to_string(id);
    return {id, uuid(static_cast<unsigned char>(id)), std::move(name), fromPlatform};
}

inline proto::VmInfo vmInfo(const proto::VmIdentity& identity) {
    proto::VmInfo info;
    info.identity = identity;
    info.status = proto::VmStatus::running;
    info.reason = "booted";
    info.serverId = 7;
    return info;
}

}  // namespace rollo::tests
