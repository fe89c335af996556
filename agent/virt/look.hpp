// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/clock.hpp"
#include "proto/ids.hpp"

namespace rollo::virt {

/// What can be seen of an active guest without its monitor (virDomainGetInfo and
/// virDomainGetControlInfo).
struct Look {
    proto::Uuid uuid;
    int domainId = -1;
    std::uint64_t cpuTimeNs = 0;
    /// A job (save, migration, dump) is active: it may keep the monitor busy for long.
    bool job = false;
    /// Since when the present command, whoever sent it, has kept the monitor, if one does.
    std::optional<common::Monotonic> occupiedSince;
};
using Looks = std::vector<Look>;

/// A command has been waiting for the monitor since then or longer, and no job explains it.
inline bool occupiedSince(const Look& look, common::Monotonic then) {
    return !look.job && look.occupiedSince && *look.occupiedSince <= then;
}

/// A monitor that takes longer for one command (it takes some milliseconds) is held to be hung.
constexpr std::chrono::milliseconds hungAfter{200};

}  // namespace rollo::virt
