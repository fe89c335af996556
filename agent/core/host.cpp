// SPDX-License-Identifier: Apache-2.0
#include "agent/core/host.hpp"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

namespace rollo::core {
namespace {

using proto::ServerStatus;

/// A daemon that was started anew takes up its guests while it already answers, and tells nothing
/// of those that end meanwhile: so the first listings follow each other soon.
constexpr std::chrono::seconds firstListingLasts{2};
constexpr std::chrono::seconds listingLasts{300};
constexpr int listingLastsLonger = 5;

/// A positive number of 31 bits: fits every client's integer.
proto::ServerId derivedId(const proto::Uuid& uuid) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | uuid.bytes[i];
    return std::max<proto::ServerId>(1, number & 0x7fffffff);
}

/// What clients are told of anew when it differs.
auto facts(const proto::ServerInfo& server) {
    return std::tie(server.id, server.uuid, server.hostname, server.hypervisor,
                    server.hypervisorVersion, server.libraryVersion, server.cpus,
                    server.memoryTotalMb);
}

}  // namespace

Host::Host(Settings settings, const SavedState& saved, Hub& hub, Hypervisor& hypervisor)
    : settings_(std::move(settings)),
      hub_(hub),
      hypervisor_(hypervisor),
      alertRules_(state_, alerts_, settings_.alerts),
      formerOperations_(formerOperations(saved)),
      ids_(saved, settings_.firstAllottedId) {
    state_.server.hostname = settings_.hostname;
    state_.server.ipAddress = settings_.ipAddress;
    state_.server.agentVersion = settings_.agentVersion;
    state_.server.libvirtUri = settings_.libvirtUri;
    state_.server.uuid = saved.serverUuid;
    if (settings_.serverId)
        setServerId(*settings_.serverId);
    else if (saved.serverUuid)
        setServerId(derivedId(*saved.serverUuid));
    alerts_.restore(saved.alerts);
    alertRules_.restore();
    if (saved.hostBootId == settings_.hostBootId)
        for (const auto& vm : saved.vms)
            if (!vm.bootId.empty()) savedBoots_[vm.uuid] = vm;
}

void Host::apply(Observation observation, const common::Now& now) {
    std::visit([&](auto&& each) { on(std::move(each), now); }, std::move(observation));
    hub_.forgetSnapshots();
}

void Host::tick(const common::Now& now) {
    settleStarts(now);
    settlePauses(now);
    jobs_.tick(now);
    operations_.tick(now);
    alertRules_.tick(now);
    alerts_.tick(now);
    judgeHealth(now);
    if (!state_.inventoryRead || !state_.server.libvirtConnected || listing_) return;
    if (now.mono - *listedAt_ < listingLasts_) return;
    listedAt_ = now.mono;
    listingLasts_ = std::min(listingLastsLonger * listingLasts_, listingLasts);
    hypervisor_.list();
}

void Host::enterMaintenance(const common::Now& now) {
    setServerStatus(ServerStatus::maintenance, "agent_stopping", now);
}

bool Host::takeUnsaved() {
    const bool operations = operations_.takeUnsaved();
    const bool alerts = alerts_.takeUnsaved();
    return std::exchange(unsaved_, false) || operations || alerts;
}

SavedState Host::saved() const {
    SavedState state;
    state.serverUuid = state_.server.uuid;
    state.nextId = ids_.nextId();
    state.hostBootId = settings_.hostBootId;
    state.operations = savedOperations();
    state.vms = ids_.saved();
    state.alerts = alerts_.saved();
    for (auto& saved : state.vms) {
        const Vm* vm = state_.find(saved.uuid);
        // Libvirt may not have been reached yet: its processes are still those of the last run.
        if (const auto boot = savedBoots_.find(saved.uuid); !vm && boot != savedBoots_.end()) {
            saved.name = boot->second.name;
            saved.domainId = boot->second.domainId;
            saved.bootId = boot->second.bootId;
            saved.cpuTimeNs = boot->second.cpuTimeNs;
        }
        if (!vm) continue;
        saved.name = vm->info.identity.name;
        saved.domainId = vm->domainId;
        saved.bootId = vm->info.bootId.value_or("");
        saved.cpuTimeNs = vm->cpuTimeNs;
    }
    return state;
}

// --- the connection ------------------------------------------------------------------------------

void Host::on(ConnectionOpened observation, const common::Now& now) {
    forgetAnswers();
    listingLasts_ = firstListingLasts;
    state_.server.libvirtConnected = true;
    learnServer(observation.host, now);
}

void Host::learnServer(const HostDescription& host, const common::Now& now) {
    auto& server = state_.server;
    const proto::ServerInfo before = server;
    if (!host.hostname.empty()) server.hostname = host.hostname;
    server.hypervisor = host.hypervisor;
    server.hypervisorVersion = host.hypervisorVersion;
    server.libraryVersion = host.libraryVersion;
    server.cpus = host.cpus;
    server.memoryTotalMb = host.memoryTotalMb;
    // Some hosts have no UUID of their own and libvirt makes one up at each start: the first that
    // was seen is kept.
    if (!server.uuid) {
        server.uuid = host.uuid ? host.uuid : settings_.machineUuid;
        unsaved_ = true;
        if (!server.id && server.uuid) setServerId(derivedId(*server.uuid));
    }
    if (facts(server) != facts(before)) hub_.publish(proto::ServerRegistered{server}, now);
}

void Host::setAddress(std::optional<std::string> address, const common::Now& now) {
    if (std::exchange(state_.server.ipAddress, address) == address) return;
    hub_.forgetSnapshots();
    if (state_.server.hypervisor) hub_.publish(proto::ServerRegistered{state_.server}, now);
}

void Host::setServerId(proto::ServerId id) {
    state_.server.id = id;
    hub_.setServerId(id);
    alerts_.setServerId(id);
}

void Host::on(ConnectionLost observation, const common::Now& now) {
    forgetAnswers();
    state_.server.libvirtConnected = false;
    for (auto& [uuid, vm] : state_.vms) {
        settlePause(vm, false, now);
        vm.info.stale = true;
        if (vm.metrics) vm.metrics->stale = true;
        alertRules_.onFigures(vm, now);
    }
    state_.hostSample.reset();
    if (state_.serverMetrics) state_.serverMetrics->stale = true;
    alertRules_.onServerFigures(now);
    state_.timeline.breakOff(now.mono);
    setServerStatus(ServerStatus::offline, observation.reason, now);
    jobs_.libvirtLost(now);
    alertRules_.onLibvirt(true, observation.reason, now);
}

void Host::setServerStatus(ServerStatus status, const std::string& reason, const common::Now& now) {
    auto& server = state_.server;
    if (server.status == ServerStatus::maintenance) return;  // the last word
    server.reason = reason;
    if (server.status == status) return;
    const ServerStatus old = std::exchange(server.status, status);
    hub_.publish(proto::ServerStatusChanged{server.id, server.hostname, old, status, reason}, now);
}

// --- callbacks -----------------------------------------------------------------------------------

void Host::on(LifecycleSeen observation, const common::Now& now) {
    const auto& uuid = observation.domain.uuid;
    mention(uuid);
    if (const auto found = state_.vms.find(uuid); found != state_.vms.end())
        return take(found->second, observation, now);
    if (observation.what == Lifecycle::undefined && !arrivals_.contains(uuid)) return;
    auto& seen = arrive(observation.domain).seen;
    // It is there all the same, as if it had never gone.
    if (observation.what == Lifecycle::defined && !seen.empty() &&
        seen.back().what == Lifecycle::undefined)
        seen.pop_back();
    seen.push_back(std::move(observation));
}

void Host::on(RebootSeen observation, const common::Now& now) {
    mention(observation.domain.uuid);
    const auto found = state_.vms.find(observation.domain.uuid);
    if (found == state_.vms.end()) return;
    found->second.quiet = false;
    settlePause(found->second, false, now);
    step(found->second, found->second.lifecycle.onReboot(now.mono), now);
}

void Host::on(DescriptionOutdated observation, const common::Now&) {
    const auto found = state_.vms.find(observation.domain.uuid);
    if (found != state_.vms.end()) describe(found->second);
}

}  // namespace rollo::core
