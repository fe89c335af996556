// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "agent/core/host.hpp"

namespace rollo::core {
namespace {

constexpr auto unsavedAlertId = "agent-state-unsaved";

std::string conflictAlertId(const Vm& vm) {
    return "vm-id-conflict:" + vm.info.identity.uuid.toString();
}

}  // namespace

// --- two VMs, one id -----------------------------------------------------------------------------

void Host::raiseConflict(const Vm& vm, const IdBook::Given& given, const common::Now& now) {
    if (!given.conflictWith) return resolveConflict(vm, now);
    const std::string id = conflictAlertId(vm);
    if (const auto found = state_.alerts.find(id); found != state_.alerts.end()) {
        found->second.vm = vm.info.identity;  // who may see it goes by the present name
        return;
    }
    const Vm* other = state_.find(*given.conflictWith);
    proto::Alert alert;
    alert.id = id;
    alert.type = "vm_id_conflict";
    alert.severity = proto::Severity::warning;
    alert.title = "Two VMs claim the same id";
    alert.message =
        fmt::format("The metadata of {} claims an id that {} already has; it was given {} instead",
                    vm.info.identity.name,
                    other ? other->info.identity.name : given.conflictWith->toString(), given.id);
    alert.vm = vm.info.identity;
    alerts_.raise(std::move(alert), now);
}

void Host::resolveConflict(const Vm& vm, const common::Now& now) {
    alerts_.resolve(conflictAlertId(vm), &vm.info.identity, now);
}

// --- the state on disk ---------------------------------------------------------------------------

void Host::tellOfSaving(bool works, const common::Now& now) {
    if (works) return alerts_.resolve(unsavedAlertId, nullptr, now);
    if (state_.alerts.contains(unsavedAlertId)) return;
    proto::Alert alert;
    alert.id = unsavedAlertId;
    alert.type = "agent_state_unsaved";
    alert.severity = proto::Severity::error;
    alert.title = "The agent cannot save its state";
    alert.message =
        "VMs that are new may have other ids after a restart of the agent; its log says why";
    alerts_.raise(std::move(alert), now);
}

}  // namespace rollo::core
