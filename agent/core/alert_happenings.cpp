// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alert_happenings.hpp"

#include <chrono>

#include "agent/core/lifecycle.hpp"

namespace rollo::core {
namespace {

using proto::VmStatus;
using std::chrono::minutes;

/// A watchdog that fired and memory that failed have no end of their own.
constexpr minutes quietAfterTrouble{10};
constexpr minutes quietAfterIoError{1};

/// A stopped VM stays as it ended until it runs again.
std::optional<bool> crashed(const proto::VmInfo& info, bool ofPanics) {
    if (info.status == VmStatus::crashed) return !ofPanics || info.reason == "panicked";
    if (info.status == VmStatus::stopped && !ofPanics &&
        (info.reason == "crashed" || info.reason == "failed"))
        return true;
    const bool runs = hasProcess(info.status) && info.status != VmStatus::unresponsive;
    return runs ? std::optional(false) : std::nullopt;
}

bool since(std::optional<common::Monotonic> troubleAt, minutes quiet, common::Monotonic now) {
    return troubleAt && now - *troubleAt < quiet;
}

std::optional<bool> ioError(const Vm& vm, std::optional<common::Monotonic> troubleAt,
                            common::Monotonic now) {
    if (!vm.lifecycle.active()) return false;
    if (vm.info.status == VmStatus::paused && vm.info.reason == "io_error") return true;
    if (since(troubleAt, quietAfterIoError, now)) return true;
    if (vm.info.status == VmStatus::unresponsive) return std::nullopt;
    return false;
}

/// A listing does not show that its monitor answers, a sample does.
std::optional<bool> unresponsive(const Vm& vm) {
    if (vm.info.status == VmStatus::unresponsive) return true;
    if (!vm.lifecycle.active() || (vm.metrics && !vm.metrics->stale)) return false;
    return std::nullopt;
}

}  // namespace

std::optional<bool> happens(AlertSource source, const Vm& vm,
                            std::optional<common::Monotonic> troubleAt, common::Monotonic now) {
    switch (source) {
        case AlertSource::vmCrashed:
            return crashed(vm.info, false);
        case AlertSource::vmPanicked:
            return crashed(vm.info, true);
        case AlertSource::vmWatchdog:
        case AlertSource::vmMemoryFailure:
            return since(troubleAt, quietAfterTrouble, now);
        case AlertSource::vmIoError:
            return ioError(vm, troubleAt, now);
        case AlertSource::vmUnresponsive:
            return unresponsive(vm);
        default:
            return std::nullopt;
    }
}

}  // namespace rollo::core
