// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics_page.hpp"

#include "agent/metrics_host.hpp"
#include "agent/metrics_vms.hpp"
#include "common/metrics_text.hpp"

namespace rollo::agent {

std::string metricsPage(const AgentSources& agent, const core::HostState& state,
                        common::Monotonic now) {
    common::MetricsText out;
    writeAgent(out, agent, now);
    writeHost(out, state, now);
    writeVms(out, state, now);
    return out.take();
}

}  // namespace rollo::agent
