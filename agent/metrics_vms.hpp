// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/host_state.hpp"
#include "common/clock.hpp"
#include "common/metrics_text.hpp"

namespace rollo::agent {

/// The VMs' part of `/metrics`: counters as the last sample has them, each VM by its `uuid`. Names
/// are those of the common exporters for libvirt where unit and meaning are right, else
/// `rollo_vm_*`.
void writeVms(common::MetricsText& out, const core::HostState& state, common::Monotonic now);

}  // namespace rollo::agent
