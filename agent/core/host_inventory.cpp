// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "agent/core/host.hpp"

/// Which domains there are: by the listing, and by callbacks about one that no listing has shown.
namespace rollo::core {
namespace {

using proto::ServerStatus;

bool started(const LifecycleSeen& seen) {
    return seen.what == Lifecycle::started;
}

/// True for a domain that is first seen by being started. RESUMED comes before STARTED, and its
/// description may come between the two.
bool starts(const std::vector<LifecycleSeen>& seen, const DomainDescription& description) {
    if (std::any_of(seen.begin(), seen.end(), started)) return true;
    const auto resumed = [](const auto& each) { return each.what == Lifecycle::resumed; };
    return description.status == proto::VmStatus::running && description.reason == "booted" &&
           std::any_of(seen.begin(), seen.end(), resumed);
}

/// True for a domain that was not there when its description was read, but has come since.
bool cameBack(const std::vector<LifecycleSeen>& seen, bool quiet) {
    return !quiet && !seen.empty() && seen.back().what != Lifecycle::undefined &&
           seen.back().what != Lifecycle::stopped;
}

/// A domain that was gone before anybody could describe it, as far as its callbacks tell.
DomainDescription fromCallbacks(const DomainRef& domain, const std::vector<LifecycleSeen>& seen) {
    DomainDescription description;
    description.domain = domain;
    description.status = proto::VmStatus::stopped;
    description.reason = "unknown";
    description.persistent = std::any_of(
        seen.begin(), seen.end(), [](const auto& each) { return each.what == Lifecycle::defined; });
    return description;
}

}  // namespace

// --- the listing ---------------------------------------------------------------------------------

void Host::on(ListingBegun, const common::Now&) {
    listing_ = true;
    mentioned_.clear();
}

void Host::on(ListingDone observation, const common::Now& now) {
    auto& listed = observation.domains;
    // Where two claim one id, the one that had it before keeps it, whatever the order.
    std::stable_partition(listed.begin(), listed.end(), [&](const DomainDescription& each) {
        return each.platformId && ids_.had(each.domain.uuid, *each.platformId);
    });
    removeUnlisted(listed, now);
    for (const auto& each : listed) takeListed(each, now);
    listing_ = false;
    mentioned_.clear();
    std::erase_if(savedBoots_, [&](const auto& boot) { return !arrivals_.contains(boot.first); });
    listedAt_ = now.mono;
    state_.inventoryRead = true;
    for (auto& [uuid, vm] : state_.vms) vm.info.stale = false;
    if (state_.server.status == ServerStatus::offline) beginHealthy(now);
    takeUpOperations(now);
    resolveAlertsOfGone(now);
    alertRules_.onLibvirt(false, {}, now);
}

void Host::removeUnlisted(const std::vector<DomainDescription>& listed, const common::Now& now) {
    std::unordered_set<proto::Uuid> present;
    for (const auto& each : listed) present.insert(each.domain.uuid);
    std::vector<proto::Uuid> gone;
    for (auto& [uuid, vm] : state_.vms) {
        if (present.contains(uuid)) continue;
        if (mentioned_.contains(uuid))
            describe(vm);  // here anew, or gone, perhaps without a further callback
        else
            gone.push_back(uuid);
    }
    for (const auto& uuid : gone) {
        Vm& vm = state_.vms.at(uuid);
        const bool persistent = vm.info.persistent;
        step(vm, vm.lifecycle.correct(proto::VmStatus::stopped, "unknown"), now);
        remove(uuid, persistent ? "vanished" : "transient_ended", now);
    }
}

void Host::takeListed(const DomainDescription& listed, const common::Now& now) {
    const auto found = state_.vms.find(listed.domain.uuid);
    const bool mentioned = mentioned_.contains(listed.domain.uuid);
    if (found == state_.vms.end()) {
        if (arrivals_.contains(listed.domain.uuid)) return;  // its description is on its way
        if (mentioned)
            arrive(listed.domain);  // gone again, or here anew: only a fresh look tells
        else
            create(listed, now);
    } else if (mentioned) {
        describe(found->second);
    } else {
        update(found->second, listed, false, now);
        reconcile(found->second, listed, now);
    }
}

void Host::mention(const proto::Uuid& uuid) {
    if (listing_) mentioned_.insert(uuid);
}

void Host::forgetAnswers() {
    listing_ = false;
    mentioned_.clear();
    arrivals_.clear();
    answersForNobody_.clear();
    for (auto& [uuid, vm] : state_.vms) {
        vm.describesInFlight = 0;
        vm.redefinitions = 0;
    }
}

// --- domains that callbacks tell of first
// ---------------------------------------------------------

Host::Arrival& Host::arrive(const DomainRef& domain) {
    Arrival& arrival = arrivals_[domain.uuid];
    arrival.domain = domain;
    arrival.quiet = !arrival.asked;
    if (!std::exchange(arrival.asked, true)) hypervisor_.describe(domain.uuid);
    return arrival;
}

void Host::on(DomainDescribed observation, const common::Now& now) {
    if (isForNobody(observation.uuid)) return;
    if (const auto arrival = arrivals_.find(observation.uuid); arrival != arrivals_.end()) {
        if (!observation.description && cameBack(arrival->second.seen, arrival->second.quiet)) {
            arrival->second.quiet = true;
            return hypervisor_.describe(observation.uuid);
        }
        Arrival settled = std::move(arrival->second);
        arrivals_.erase(arrival);
        return settle(std::move(settled), std::move(observation.description), now);
    }
    const auto found = state_.vms.find(observation.uuid);
    if (found == state_.vms.end() || found->second.describesInFlight == 0) return;
    Vm& vm = found->second;
    --vm.describesInFlight;
    if (observation.description) {
        const bool redefined = vm.redefinitions > 0;
        if (redefined) --vm.redefinitions;
        update(vm, *observation.description, redefined, now);
        if (vm.quiet && vm.describesInFlight == 0) reconcile(vm, *observation.description, now);
    } else if (!vm.quiet) {
        describe(vm);
    } else {
        const bool persistent = vm.info.persistent;
        step(vm, vm.lifecycle.correct(proto::VmStatus::stopped, "unknown"), now);
        remove(observation.uuid, persistent ? "vanished" : "transient_ended", now);
    }
}

bool Host::isForNobody(const proto::Uuid& uuid) {
    const auto found = answersForNobody_.find(uuid);
    if (found == answersForNobody_.end()) return false;
    if (--found->second == 0) answersForNobody_.erase(found);
    return true;
}

void Host::settle(Arrival arrival, std::optional<DomainDescription> description,
                  const common::Now& now) {
    if (!description && arrival.seen.empty()) return;
    const bool gone = !description;
    DomainDescription first =
        gone ? fromCallbacks(arrival.domain, arrival.seen) : std::move(*description);
    if (starts(arrival.seen, first)) {
        first.status = proto::VmStatus::stopped;
        first.reason = "unknown";
    }
    const proto::Uuid uuid = first.domain.uuid;
    create(first, now);
    for (const auto& seen : arrival.seen) {
        const auto found = state_.vms.find(uuid);
        if (found == state_.vms.end()) return;
        if (seen.what != Lifecycle::defined) take(found->second, seen, now);
    }
    const auto found = state_.vms.find(uuid);
    if (found == state_.vms.end()) return;
    Vm& vm = found->second;
    if (gone && vm.describesInFlight == 0)
        remove(uuid, vm.info.persistent ? "vanished" : "transient_ended", now);
    else if (!gone && (vm.lifecycle.startUndecided() || (!arrival.quiet && !vm.describesInFlight)))
        describe(vm);  // what was read may be from before the last callback
}

}  // namespace rollo::core
