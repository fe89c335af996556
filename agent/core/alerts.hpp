// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/core/host_state.hpp"
#include "agent/core/hub.hpp"
#include "common/clock.hpp"
#include "proto/events.hpp"

namespace rollo::core {

/// The alerts that fire. Each is told when it begins to fire, changes its severity, and resolves.
class Alerts {
  public:
    Alerts(HostState& state, Hub& hub) : state_(state), hub_(hub) {}

    /// Begins to fire now; an id that fires already is replaced.
    void raise(proto::Alert alert, const common::Now& now);
    /// Nothing where it does not fire. Who may hear of it goes by what the VM, if it is about one,
    /// is called now.
    void resolve(const std::string& id, const proto::VmIdentity* vm, const common::Now& now);

  private:
    HostState& state_;
    Hub& hub_;
};

}  // namespace rollo::core
