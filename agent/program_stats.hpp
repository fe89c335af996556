// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/host_state.hpp"
#include "agent/process_meter.hpp"
#include "agent/server/loop_lag.hpp"
#include "agent/virt/libvirt_hypervisor.hpp"
#include "common/clock.hpp"
#include "proto/websocket_stats.hpp"

namespace rollo::agent {

/// Adds to `websocket_stats` what the server does not know: libvirt, the process, the loop.
void addProgramStats(proto::WebsocketStats& stats, const virt::LibvirtHypervisor& hypervisor,
                     const core::HostState& state, const server::LoopLag& lag,
                     ProcessMeter& process, common::Monotonic now);

}  // namespace rollo::agent
