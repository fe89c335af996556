// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/core/alert_rule.hpp"
#include "agent/core/host_state.hpp"
#include "common/clock.hpp"

/// Whether what a rule without thresholds is about holds at present.
namespace rollo::core {

/// For a source from vmCrashed to vmUnresponsive. `troubleAt`: when libvirt last told of that
/// trouble since the process began. Empty: what is known shows neither that it holds nor that it is
/// over.
std::optional<bool> happens(AlertSource source, const Vm& vm,
                            std::optional<common::Monotonic> troubleAt, common::Monotonic now);

}  // namespace rollo::core
