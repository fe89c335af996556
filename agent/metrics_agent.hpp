// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/core/consoles.hpp"
#include "agent/core/hub.hpp"
#include "agent/event_delay.hpp"
#include "agent/server/loop_lag.hpp"
#include "agent/server/server.hpp"
#include "agent/virt/libvirt_hypervisor.hpp"

namespace rollo::agent {

/// Whom `/metrics` is about. Nobody is asked anything that takes time.
struct MetricsSources {
    const core::Hub& hub;
    const server::Server& server;
    const server::LoopLag& lag;
    const EventDelay& delay;
    const virt::LibvirtHypervisor& hypervisor;
    const core::Consoles& consoles;
    bool stateSaved = true;  ///< false: what has to outlive the agent cannot be written at present
};

/// The agent's own figures in Prometheus' text format.
std::string metricsPage(const MetricsSources& sources);

}  // namespace rollo::agent
