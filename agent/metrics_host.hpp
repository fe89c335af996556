// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/host_state.hpp"
#include "common/clock.hpp"
#include "common/metrics_text.hpp"

namespace rollo::agent {

/// The host's part of `/metrics`: its own figures as of the last sample, and what its VMs, alerts
/// and operations are together.
void writeHost(common::MetricsText& out, const core::HostState& state, common::Monotonic now);

}  // namespace rollo::agent
