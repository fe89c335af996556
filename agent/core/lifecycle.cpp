// SPDX-License-Identifier: Apache-2.0
#include "agent/core/lifecycle.hpp"

#include <chrono>
#include <utility>

namespace rollo::core {
namespace {

using proto::VmStatus;

/// QEMU resets once for the guest and once or twice for the firmware (measured: within 130 ms).
constexpr std::chrono::seconds oneReboot{1};

}  // namespace

bool hasProcess(VmStatus status) {
    return status != VmStatus::stopped && status != VmStatus::unknown;
}

bool LifecycleTracker::active() const {
    return hasProcess(status_);
}

std::optional<StatusStep> LifecycleTracker::become(VmStatus status, std::string reason) {
    beneath_.reset();
    undecidedStart_.reset();
    resumedBeforeStart_ = false;
    if (!hasProcess(status)) lastReboot_.reset();  // the next reboot is that of another process
    if (status == status_) return std::nullopt;
    status_ = status;
    reason_ = std::move(reason);
    return StatusStep{status_, reason_};
}

std::optional<StatusStep> LifecycleTracker::on(Lifecycle what, const std::string& reason) {
    switch (what) {
        case Lifecycle::started:
            return started(reason);
        case Lifecycle::resumed:
            return resumed(reason);
        case Lifecycle::suspended:
            return suspended(reason);
        case Lifecycle::shutdown:
            return !hasProcess(status_) ? std::nullopt : become(VmStatus::stopping, reason);
        case Lifecycle::stopped:
            return become(VmStatus::stopped, reason);
        case Lifecycle::pmSuspended:
            return become(VmStatus::suspended, reason);
        case Lifecycle::crashed:
            return become(VmStatus::crashed, reason);
        case Lifecycle::defined:
        case Lifecycle::undefined:
            return std::nullopt;
    }
    return std::nullopt;
}

std::optional<StatusStep> LifecycleTracker::started(const std::string& reason) {
    if (status_ == VmStatus::suspended) return become(VmStatus::running, reason);  // it woke up
    const bool known = active() && status_ != VmStatus::stopping && status_ != VmStatus::crashed;
    if (known) return std::nullopt;  // a listing was faster than the callback
    if (resumedBeforeStart_) return become(VmStatus::running, reason);
    undecidedStart_ = reason;
    return std::nullopt;
}

std::optional<StatusStep> LifecycleTracker::resumed(const std::string& reason) {
    if (undecidedStart_) return become(VmStatus::running, *std::exchange(undecidedStart_, {}));
    if (!hasProcess(status_)) {
        resumedBeforeStart_ = true;
        return std::nullopt;
    }
    return become(VmStatus::running, reason);
}

std::optional<StatusStep> LifecycleTracker::suspended(const std::string& reason) {
    if (undecidedStart_) return become(VmStatus::paused, *std::exchange(undecidedStart_, {}));
    if (!hasProcess(status_) || status_ == VmStatus::stopping || status_ == VmStatus::crashed)
        return std::nullopt;
    return become(VmStatus::paused, reason);
}

std::optional<StatusStep> LifecycleTracker::onReboot(common::Monotonic now) {
    const bool again = lastReboot_ && now - *lastReboot_ < oneReboot;
    lastReboot_ = now;
    // A crashed guest that is restarted reports its reset first; the RESUMED after it is the
    // change.
    if (again || !hasProcess(status_) || status_ == VmStatus::crashed ||
        status_ == VmStatus::stopping)
        return std::nullopt;
    if (beneath_) return become(VmStatus::running, "reboot");
    reason_ = "reboot";
    return StatusStep{status_, reason_};
}

std::optional<StatusStep> LifecycleTracker::correct(VmStatus status, const std::string& reason) {
    if (beneath_ && hasProcess(status)) {
        beneath_ = StatusStep{status, reason};
        return std::nullopt;
    }
    const std::string why = undecidedStart_ ? *undecidedStart_ : reason;
    return become(status, why);
}

std::optional<StatusStep> LifecycleTracker::setUnresponsive(bool unresponsive) {
    if (unresponsive == beneath_.has_value()) return std::nullopt;
    if (!unresponsive) {
        const StatusStep beneath = *beneath_;
        return become(beneath.to, "responsive");
    }
    if (!hasProcess(status_)) return std::nullopt;
    StatusStep beneath{status_, reason_};
    auto step = become(VmStatus::unresponsive, "monitor_timeout");
    beneath_ = std::move(beneath);
    return step;
}

}  // namespace rollo::core
