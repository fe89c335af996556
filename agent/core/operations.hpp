// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/host_state.hpp"
#include "agent/core/hub.hpp"
#include "agent/core/job_observation.hpp"
#include "common/clock.hpp"
#include "proto/events.hpp"

namespace rollo::core {

/// The operations under way: libvirt's jobs, and those that other programs publish.
class Operations {
  public:
    Operations(HostState& state, Hub& hub) : state_(state), hub_(hub) {}

    void take(const JobsSeen& seen, const common::Now& now);
    void take(const JobEnded& ended, const common::Now& now);
    /// Takes how far an operation is, whoever does it, and tells clients. The percentage never goes
    /// down, whatever is given; an end that was told is not followed by anything.
    void report(proto::Progress progress, const common::Now& now);

  private:
    HostState& state_;
    Hub& hub_;
};

}  // namespace rollo::core
