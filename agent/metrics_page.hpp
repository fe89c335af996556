// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/core/host_state.hpp"
#include "agent/metrics_agent.hpp"
#include "common/clock.hpp"

namespace rollo::agent {

/// The page of `/metrics` in Prometheus' text format: the agent, the host and its VMs as the last
/// sample has them. Nobody is asked anything that takes time. docs/metrics.md explains each figure.
std::string metricsPage(const AgentSources& agent, const core::HostState& state,
                        common::Monotonic now);

}  // namespace rollo::agent
