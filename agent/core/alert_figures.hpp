// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "agent/core/alert_rule.hpp"
#include "proto/events.hpp"

/// The figure that each rule compares with its thresholds, in the source's unit; empty: not known.
namespace rollo::core {

/// Of a source from vmCpu to vmSwap.
proto::Figure figureOf(AlertSource source, const proto::VmMetrics& metrics);
/// Of a source from serverCpu to serverDisk; `cpus`: the host's processors, 0: not known.
proto::Figure figureOf(AlertSource source, const proto::ServerMetrics& metrics, std::int64_t cpus);

}  // namespace rollo::core
