// SPDX-License-Identifier: Apache-2.0
#include "agent/program_stats.hpp"

#include <chrono>

namespace rollo::agent {

namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

void addLibvirt(proto::WebsocketStats::Libvirt& libvirt,
                const virt::LibvirtHypervisor::Figures& figures, bool sampled) {
    libvirt.connected = figures.connected;
    libvirt.reconnects = figures.reconnects;
    libvirt.events = figures.events;
    libvirt.stuckCalls = figures.stuckCalls;
    if (sampled) libvirt.lastSampleMs = Milliseconds(figures.lastSample).count();
}

}  // namespace

void addProgramStats(proto::WebsocketStats& stats, const virt::LibvirtHypervisor& hypervisor,
                     const core::HostState& state, const server::LoopLag& lag,
                     ProcessMeter& process, common::Monotonic now) {
    addLibvirt(stats.libvirt, hypervisor.figures(), state.serverMetrics.has_value());
    const auto& figures = process.figures(now);
    stats.process = {.cpuSeconds = figures.cpuSeconds,
                     .residentBytes = figures.residentBytes,
                     .openFds = figures.openFds,
                     .uptimeSeconds = process.uptimeSeconds(now)};
    stats.loop = {.longestTurnMs = Milliseconds(lag.longest()).count(), .stalls = lag.stalls()};
}

}  // namespace rollo::agent
