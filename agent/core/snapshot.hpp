// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "agent/core/host_state.hpp"
#include "agent/core/hub.hpp"
#include "agent/core/principal.hpp"
#include "agent/core/subscription.hpp"
#include "common/clock.hpp"
#include "proto/frame.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

/// The state as one principal may see it and as its rules want it, encoded: one frame for each
/// part. What `told` covers is left out; it may be null. With the history of what is in it, or
/// without any.
std::vector<proto::Frame> takeSnapshot(const HostState& state, const Hub& hub,
                                       const Principal& principal, const Subscription& wanted,
                                       const Subscription* told, proto::SnapshotReason reason,
                                       bool withHistory, const common::Now& now);

}  // namespace rollo::core
