// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "agent/core/host.hpp"
#include "agent/core/lifecycle.hpp"
#include "agent/core/rates.hpp"

namespace rollo::core {
namespace {

using proto::VmStatus;

template <class T>
void take(std::vector<std::string_view>& changed, std::string_view name, T& field, const T& value) {
    if (field == value) return;
    field = value;
    changed.push_back(name);
}

/// Takes the description's figures over; answers what of it differed, in the wire's names.
std::vector<std::string_view> takeOver(proto::VmInfo& info, const DomainDescription& from) {
    std::vector<std::string_view> changed;
    take(changed, "name", info.identity.name, from.domain.name);
    take(changed, "persistent", info.persistent, from.persistent);
    take(changed, "autostart", info.autostart, from.autostart);
    take(changed, "vcpus", info.vcpus, from.vcpus);
    take(changed, "memory_mb", info.memoryMb, from.memoryMb);
    take(changed, "os", info.os, from.os);
    take(changed, "title", info.title, from.title);
    take(changed, "console", info.console, from.console);
    return changed;
}

/// A guest that is restored or migrated here is paused until libvirt lets it go, which it reports.
/// Only one that stays so for longer is told as paused.
constexpr std::chrono::seconds startSettles{1};

/// QEMU stops a guest that panics, and libvirt reports that as a pause, at times before the crash.
/// Its state then has no reason, unlike that of a pause that somebody asked for.
constexpr std::chrono::milliseconds crashFollows{500};

/// True for a pause that only a closer look tells from the beginning of a crash.
bool mayBeCrash(const Vm& vm, const LifecycleSeen& seen) {
    return seen.what == Lifecycle::suspended && seen.reason == "user" &&
           vm.info.status == VmStatus::running;
}

/// Libvirt has begun to start it, and says that it is paused: STARTED follows, or nothing where
/// that fails.
bool hasOnlyBegun(const DomainDescription& description) {
    return description.status == VmStatus::paused && description.reason == "starting";
}

constexpr double mibPerGib = 1024.0;

}  // namespace

Vm& Host::create(DomainDescription description, const common::Now& now) {
    if (hasOnlyBegun(description)) {
        description.status = VmStatus::stopped;
        description.reason = "unknown";
    }
    const auto& domain = description.domain;
    const IdBook::Given given = ids_.assign(domain.uuid, description.platformId);
    Vm& vm = state_.vms[domain.uuid];
    vm.info.identity = {given.id, domain.uuid, domain.name, given.fromPlatform};
    takeOver(vm.info, description);
    vm.consoles = description.consoles;
    vm.attachAlways = description.attachAlways;
    vm.alertOverrides = description.alertOverrides;
    vm.info.status = description.status;
    vm.info.reason = description.reason.empty() ? "unknown" : description.reason;
    vm.info.serverId = state_.server.id;
    vm.lifecycle = LifecycleTracker(vm.info.status, vm.info.reason);
    nameBoot(vm, description);
    unsaved_ = true;
    hub_.publish(proto::VmCreated{vm.info}, now);
    followAlerts(vm, now);
    raiseConflict(vm, given, now);
    return vm;
}

/// A QEMU process that was seen before the agent's restart keeps its name: the same domain id in
/// the same run of the host, and no less CPU time than it had then.
void Host::nameBoot(Vm& vm, const DomainDescription& description) {
    if (!hasProcess(description.status)) return;
    vm.domainId = description.domain.domainId;
    vm.cpuTimeNs = description.cpuTimeNs;
    const auto saved = savedBoots_.find(description.domain.uuid);
    if (saved != savedBoots_.end() && saved->second.domainId == vm.domainId &&
        vm.cpuTimeNs >= saved->second.cpuTimeNs)
        vm.info.bootId = saved->second.bootId;
    else
        vm.info.bootId = settings_.newBootId();
}

void Host::remove(const proto::Uuid& uuid, const std::string& reason, const common::Now& now) {
    const auto found = state_.vms.find(uuid);
    jobs_.endAllOf(uuid, now);
    alerts_.resolveAllOf(uuid, now);
    alertRules_.forget(uuid);
    hub_.publish(proto::VmDeleted{found->second.info.identity, reason}, now);
    ids_.release(uuid);
    if (found->second.describesInFlight > 0)
        answersForNobody_[uuid] += found->second.describesInFlight;
    state_.vms.erase(found);
    unsaved_ = true;
}

void Host::describe(Vm& vm) {
    ++vm.describesInFlight;
    vm.quiet = true;
    hypervisor_.describe(vm.info.identity.uuid);
}

void Host::take(Vm& vm, const LifecycleSeen& seen, const common::Now& now) {
    vm.quiet = false;
    if (seen.what == Lifecycle::undefined) {
        // A rename is reported as an UNDEFINED of the old name and a DEFINED of the new one.
        if (seen.reason != "renamed") takeUndefined(vm, now);
        return;
    }
    if (seen.what == Lifecycle::defined) {
        ++vm.redefinitions;
        return describe(vm);
    }
    settlePause(vm, seen.what == Lifecycle::crashed, now);
    if (mayBeCrash(vm, seen)) {
        vm.pauseSeen = now.mono;
        return describe(vm);
    }
    step(vm, vm.lifecycle.on(seen.what, seen.reason), now);
    if (vm.lifecycle.startUndecided()) vm.startSeen = now.mono;
    const bool process = vm.lifecycle.active() || vm.lifecycle.startUndecided();
    if (process && seen.domain.domainId >= 0) vm.domainId = seen.domain.domainId;
    // What was configured for the next start counts from a start or a stop on; and a transient
    // domain is gone when it stops.
    if (seen.what == Lifecycle::started || seen.what == Lifecycle::stopped) describe(vm);
}

void Host::takeUndefined(Vm& vm, const common::Now& now) {
    if (vm.lifecycle.active())
        describe(vm);  // it lives on as a transient one
    else
        remove(proto::Uuid(vm.info.identity.uuid), "undefined", now);
}

void Host::update(Vm& vm, const DomainDescription& description, bool redefined,
                  const common::Now& now) {
    if (description.reason.empty()) return;  // nothing could be read: what is known stays
    const proto::VmIdentity before = vm.info.identity;
    vm.info.stale = false;
    const auto changed = takeOver(vm.info, description);
    vm.consoles = description.consoles;
    vm.attachAlways = description.attachAlways;
    vm.alertOverrides = description.alertOverrides;
    const IdBook::Given given = ids_.assign(before.uuid, description.platformId);
    if (given.id != before.id) {
        renumber(vm, given, before, now);
    } else {
        vm.info.identity.idFromPlatform = given.fromPlatform;
        // An id that is the platform's no more, or now is, changes who may see the VM.
        if (!changed.empty() || redefined || before != vm.info.identity)
            hub_.publish(proto::VmUpdated{vm.info, changed, before}, now);
    }
    operations_.follow(vm.info.identity, now);
    followAlerts(vm, now);
    raiseConflict(vm, given, now);
    if (!changed.empty()) unsaved_ = true;
}

void Host::renumber(Vm& vm, const IdBook::Given& given, const proto::VmIdentity& before,
                    const common::Now& now) {
    hub_.publish(proto::VmDeleted{before, "renumbered"}, now);
    vm.info.identity.id = given.id;
    vm.info.identity.idFromPlatform = given.fromPlatform;
    hub_.publish(proto::VmCreated{vm.info}, now);
    unsaved_ = true;
}

void Host::reconcile(Vm& vm, const DomainDescription& description, const common::Now& now) {
    if (description.reason.empty()) return;
    const bool early = vm.lifecycle.startUndecided() && now.mono - *vm.startSeen < startSettles;
    if (early && description.status == VmStatus::paused) return;
    if (!hasProcess(vm.info.status) && hasOnlyBegun(description)) return;
    const bool unasked = description.status == VmStatus::paused && description.reason == "unknown";
    if (vm.pauseSeen && unasked && now.mono - *vm.pauseSeen < crashFollows) return;
    settlePause(vm, description.status == VmStatus::crashed, now);
    const bool both = hasProcess(vm.info.status) && hasProcess(description.status);
    // A process that has just gone is read as having used no time at all.
    const bool younger = description.cpuTimeNs > 0 && description.cpuTimeNs < vm.cpuTimeNs;
    const bool another = both && (description.domain.domainId != vm.domainId || younger);
    if (another) step(vm, vm.lifecycle.correct(VmStatus::stopped, "unknown"), now);
    step(vm, vm.lifecycle.correct(description.status, description.reason), now);
    if (!hasProcess(vm.info.status)) return;
    vm.domainId = description.domain.domainId;
    vm.cpuTimeNs = description.cpuTimeNs;
}

void Host::settleStarts(const common::Now& now) {
    for (auto& [uuid, vm] : state_.vms)
        if (vm.lifecycle.startUndecided() && vm.describesInFlight == 0 &&
            now.mono - *vm.startSeen >= startSettles)
            describe(vm);
}

/// Tells a pause that was held back, unless it was the beginning of a crash.
void Host::settlePause(Vm& vm, bool crashed, const common::Now& now) {
    if (!std::exchange(vm.pauseSeen, {}) || crashed) return;
    step(vm, vm.lifecycle.on(Lifecycle::suspended, "user"), now);
}

void Host::settlePauses(const common::Now& now) {
    for (auto& [uuid, vm] : state_.vms)
        if (vm.pauseSeen && now.mono - *vm.pauseSeen >= crashFollows) settlePause(vm, false, now);
}

void Host::step(Vm& vm, std::optional<StatusStep> step, const common::Now& now) {
    if (!step) return;
    const VmStatus old = std::exchange(vm.info.status, step->to);
    vm.info.reason = step->reason;
    if (!hasProcess(old) && hasProcess(step->to)) {
        vm.info.bootId = settings_.newBootId();
        vm.cpuTimeNs = 0;
        unsaved_ = true;
    }
    hub_.publish(proto::VmStatusChanged{vm.info.identity, old, step->to, step->reason,
                                        vm.info.bootId, state_.server.id},
                 now);
    jobs_.follow(vm.info.identity.uuid, *step, now);
    alertRules_.onStatus(vm, now);
    if (hasProcess(step->to)) return;
    vm.info.bootId.reset();
    vm.domainId = -1;
    vm.cpuTimeNs = 0;
    vm.lastSample.reset();
    vm.metrics.reset();
    unsaved_ = true;
}

// --- samples -------------------------------------------------------------------------------------

void Host::on(SampleTaken observation, const common::Now& now) {
    const Hub::Batch batch(hub_);
    sampledAt_ = now.mono;
    historySlot_ = state_.timeline.open(now.mono);
    for (auto& sample : observation.domains) {
        const auto found = state_.vms.find(sample.uuid);
        if (found != state_.vms.end()) takeSample(found->second, std::move(sample), now);
    }
    for (const auto& uuid : observation.silent)
        if (const auto found = state_.vms.find(uuid); found != state_.vms.end())
            markStale(found->second, now);
    for (const auto& uuid : observation.unresponsive) {
        const auto found = state_.vms.find(uuid);
        if (found == state_.vms.end()) continue;
        markStale(found->second, now);
        step(found->second, found->second.lifecycle.setUnresponsive(true), now);
    }
    if (observation.host) takeHostSample(std::move(*observation.host), now);
}

void Host::takeSample(Vm& vm, DomainSample sample, const common::Now& now) {
    // A sample that was under way when the guest stopped or started anew tells of another process.
    if (!hasProcess(vm.info.status) || sample.domainId != vm.domainId) return;
    step(vm, vm.lifecycle.setUnresponsive(false), now);
    const DomainSample* previous = vm.lastSample ? &*vm.lastSample : nullptr;
    vm.metrics = vmMetrics(previous, sample, state_.server.cpus.value_or(0), now.wall);
    vm.metrics->bootId = vm.info.bootId;
    vm.lastSample = std::move(sample);
    if (historySlot_) vm.history.put(*historySlot_, historyRow(*vm.metrics));
    hub_.publish(proto::VmMetricsUpdate{vm.info.identity, *vm.metrics}, now);
    alertRules_.onFigures(vm, now);
}

void Host::markStale(Vm& vm, const common::Now& now) {
    if (!vm.metrics) return;
    vm.metrics->stale = true;
    hub_.publish(proto::VmMetricsUpdate{vm.info.identity, *vm.metrics}, now);
    alertRules_.onFigures(vm, now);
}

void Host::takeHostSample(HostSample sample, const common::Now& now) {
    const HostSample* previous = state_.hostSample ? &*state_.hostSample : nullptr;
    proto::ServerMetrics metrics = serverMetrics(previous, sample);
    std::int64_t vcpus = 0;
    std::int64_t memoryMb = 0;
    for (const auto& [uuid, vm] : state_.vms) {
        if (!hasProcess(vm.info.status)) continue;
        vcpus += vm.info.vcpus.value_or(0);
        memoryMb += vm.info.memoryMb.value_or(0);
        if (vm.info.status == VmStatus::running) ++metrics.vmsRunning;
    }
    metrics.vmsTotal = static_cast<std::int64_t>(state_.vms.size());
    metrics.vcpusAllocated = vcpus;
    metrics.memoryAllocatedGb = static_cast<double>(memoryMb) / mibPerGib;
    state_.hostSample = std::move(sample);
    state_.serverMetrics = metrics;
    if (historySlot_) state_.serverHistory.put(*historySlot_, historyRow(metrics));
    hub_.publish(
        proto::ServerMetricsUpdate{state_.server.id, state_.server.hostname, std::move(metrics)},
        now);
    alertRules_.onServerFigures(now);
}

}  // namespace rollo::core
