// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/core/observation.hpp"
#include "common/clock.hpp"
#include "proto/events.hpp"

namespace rollo::core {

/// Whether a QEMU process is there in that status, as far as is known.
bool hasProcess(proto::VmStatus status);

/// One change of a VM's status, as clients are told it.
struct StatusStep {
    proto::VmStatus to;
    std::string reason;
};

/// Turns libvirt's callbacks of one domain into status changes: PROTOCOL.md, "From callbacks to
/// status". libvirt reports a start as RESUMED then STARTED (a paused one as STARTED then
/// SUSPENDED), and a reboot two or three times; here each becomes one change.
class LifecycleTracker {
  public:
    explicit LifecycleTracker(proto::VmStatus status = proto::VmStatus::unknown,
                              std::string reason = "unknown")
        : status_(status), reason_(std::move(reason)) {}

    proto::VmStatus status() const { return status_; }
    const std::string& reason() const { return reason_; }
    /// A STARTED has come of which only a description tells whether the guest runs or is paused.
    bool startUndecided() const { return undecidedStart_.has_value(); }
    /// True between the start of a QEMU process and its end, as far as is known.
    bool active() const;

    std::optional<StatusStep> on(Lifecycle what, const std::string& reason);
    std::optional<StatusStep> onReboot(common::Monotonic now);
    /// What libvirt says the state is, where no callback has told otherwise since.
    std::optional<StatusStep> correct(proto::VmStatus status, const std::string& reason);
    /// The monitor does not answer; the status beneath is kept for when it does again.
    std::optional<StatusStep> setUnresponsive(bool unresponsive);

  private:
    std::optional<StatusStep> become(proto::VmStatus status, std::string reason);
    std::optional<StatusStep> started(const std::string& reason);
    std::optional<StatusStep> resumed(const std::string& reason);
    std::optional<StatusStep> suspended(const std::string& reason);

    proto::VmStatus status_;
    std::string reason_;
    bool resumedBeforeStart_ = false;
    std::optional<std::string> undecidedStart_;
    std::optional<common::Monotonic> lastReboot_;
    std::optional<StatusStep> beneath_;  ///< set while unresponsive
};

}  // namespace rollo::core
