// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/core/observation.hpp"
#include "common/clock.hpp"
#include "proto/events.hpp"

/// Counters to figures. Pure: two samples of the same boot make a rate, one makes none, and a
/// counter that went backwards starts anew.
namespace rollo::core {

/// `previous` is null, or a sample of the same QEMU process. `hostCpus` 0: not known.
proto::VmMetrics vmMetrics(const DomainSample* previous, const DomainSample& current,
                           std::int64_t hostCpus, common::WallClock now);

/// What is counted over all VMs (`vms_running` and so on) is left to the caller.
proto::ServerMetrics serverMetrics(const HostSample* previous, const HostSample& current);

}  // namespace rollo::core
