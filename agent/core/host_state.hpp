// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/core/alert_rule.hpp"
#include "agent/core/history.hpp"
#include "agent/core/lifecycle.hpp"
#include "agent/core/observation.hpp"
#include "proto/events.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

/// One VM, as it is known now.
struct Vm {
    proto::VmInfo info;
    LifecycleTracker lifecycle;
    std::vector<ConsoleDevice> consoles;  ///< the one that libvirt opens by default first
    std::optional<bool> attachAlways;     ///< to these, whoever watches; nothing: as configured
    std::vector<AlertOverride> alertOverrides;  ///< of its metadata
    int domainId = -1;
    std::uint64_t cpuTimeNs = 0;  ///< the least that the present QEMU process has used
    std::optional<DomainSample> lastSample;
    std::optional<proto::VmMetrics> metrics;
    Series history;

    // What the order of answers and callbacks needs.
    int describesInFlight = 0;
    bool quiet = false;  ///< no lifecycle callback since the last description was asked for
    std::optional<common::Monotonic> startSeen;  ///< of a start that is undecided
    std::optional<common::Monotonic> pauseSeen;  ///< of a pause that may be a crash
    int redefinitions = 0;  ///< DEFINED callbacks that a description has yet to answer

    /// Whether its status or its figures are the last known ones.
    bool isStale() const { return info.stale || (metrics && metrics->stale); }
    proto::VmState view() const { return {&info, metrics ? &*metrics : nullptr}; }
};

/// All that is known about this host. Written by Host alone; everybody else reads.
struct HostState {
    proto::ServerInfo server;
    std::optional<proto::ServerMetrics> serverMetrics;
    std::optional<HostSample> hostSample;  ///< the counters behind them
    Timeline timeline;                     ///< of the histories
    Series serverHistory;
    std::unordered_map<proto::Uuid, Vm> vms;
    std::map<std::string, proto::Progress> operations;  ///< under way, by their id
    std::map<std::string, proto::Alert> alerts;         ///< the firing ones, by their id
    bool inventoryRead = false;  ///< a listing has been taken in since the start

    const Vm* find(const proto::Uuid& uuid) const {
        const auto found = vms.find(uuid);
        return found == vms.end() ? nullptr : &found->second;
    }
    const Vm* find(proto::VmId id) const {
        for (const auto& [uuid, vm] : vms)
            if (vm.info.identity.id == id) return &vm;
        return nullptr;
    }
    const Vm* find(const std::string& name) const {
        for (const auto& [uuid, vm] : vms)
            if (vm.info.identity.name == name) return &vm;
        return nullptr;
    }
};

}  // namespace rollo::core
