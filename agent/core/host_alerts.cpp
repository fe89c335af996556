// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "agent/core/host.hpp"

namespace rollo::core {
namespace {

std::string conflictAlertId(const Vm& vm) {
    return fmt::format("{}:{}", conflictAlert, vm.info.identity.uuid.toString());
}

}  // namespace

// --- two VMs, one id -----------------------------------------------------------------------------

void Host::raiseConflict(const Vm& vm, const IdBook::Given& given, const common::Now& now) {
    const std::string id = conflictAlertId(vm);
    if (!given.conflictWith) return alerts_.resolve(id, now);
    if (alerts_.find(id)) return;
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

// --- the state on disk ---------------------------------------------------------------------------

void Host::tellOfSaving(bool works, const common::Now& now) {
    const std::string id(unsavedAlert);
    if (works) return alerts_.resolve(id, now);
    if (alerts_.find(id)) return;
    proto::Alert alert;
    alert.id = id;
    alert.type = "agent_state_unsaved";
    alert.severity = proto::Severity::error;
    alert.title = "The agent cannot save its state";
    alert.message =
        "VMs that are new may have other ids after a restart of the agent; its log says why";
    alerts_.raise(std::move(alert), now);
}

}  // namespace rollo::core
