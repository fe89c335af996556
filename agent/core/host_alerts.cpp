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

// --- rules ---------------------------------------------------------------------------------------

void Host::setAlertPolicy(const AlertPolicy& policy, const common::Now& now) {
    alertRules_.setPolicy(policy, now);
    hub_.forgetSnapshots();
}

void Host::noteQueues(std::size_t waiting, std::size_t allowed, const common::Now& now) {
    if (allowed == 0) return;
    alertRules_.onQueues(100.0 * static_cast<double>(waiting) / static_cast<double>(allowed), now);
}

void Host::followAlerts(const Vm& vm, const common::Now& now) {
    alerts_.follow(vm.info.identity);
    alertRules_.follow(vm, now);
}

/// One that is being described may still turn out to be there.
void Host::resolveAlertsOfGone(const common::Now& now) {
    const auto isThere = [this](const proto::Uuid& uuid) {
        return state_.find(uuid) || arrivals_.contains(uuid);
    };
    alerts_.resolveGone(isThere, now);
    alertRules_.forgetGone(isThere);
}

void Host::tellTrouble(const DomainRef& domain, AlertSource what, std::string detail,
                       const common::Now& now) {
    if (const Vm* vm = state_.find(domain.uuid))
        alertRules_.onTrouble(*vm, what, std::move(detail), now);
}

void Host::on(WatchdogFired observation, const common::Now& now) {
    tellTrouble(observation.domain, AlertSource::vmWatchdog,
                fmt::format("action {}", observation.action), now);
}

void Host::on(IoErrorSeen observation, const common::Now& now) {
    std::string detail = fmt::format("{}, action {}", observation.device, observation.action);
    if (!observation.reason.empty()) detail += fmt::format(" ({})", observation.reason);
    tellTrouble(observation.domain, AlertSource::vmIoError, std::move(detail), now);
}

void Host::on(MemoryFailed observation, const common::Now& now) {
    tellTrouble(observation.domain, AlertSource::vmMemoryFailure,
                fmt::format("recipient {}, action {}", observation.recipient, observation.action),
                now);
}

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
