// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/consoles.hpp"
#include "agent/core/hub.hpp"
#include "agent/event_delay.hpp"
#include "agent/process_meter.hpp"
#include "agent/server/loop_lag.hpp"
#include "agent/server/server.hpp"
#include "agent/virt/libvirt_hypervisor.hpp"
#include "common/clock.hpp"
#include "common/metrics_text.hpp"

namespace rollo::agent {

/// Who knows the agent's own figures.
struct AgentSources {
    const core::Hub& hub;
    const server::Server& server;
    const server::LoopLag& lag;
    const EventDelay& delay;
    const virt::LibvirtHypervisor& hypervisor;
    const core::Consoles& consoles;
    ProcessMeter& process;
    bool stateSaved = true;  ///< false: what has to outlive the agent cannot be written at present
};

/// The agent's own part of `/metrics`: `rollo_agent_*`, and `process_*` as every program has them.
void writeAgent(common::MetricsText& out, const AgentSources& sources, common::Monotonic now);

}  // namespace rollo::agent
