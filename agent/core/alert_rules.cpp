// SPDX-License-Identifier: Apache-2.0
#include "agent/core/alert_rules.hpp"

#include <chrono>
#include <set>
#include <utility>

#include "agent/core/alert_figures.hpp"
#include "agent/core/alert_happenings.hpp"

namespace rollo::core {
namespace {

using enum AlertSource;
using proto::Figure;

constexpr std::array vmFigures = {vmCpu, vmMemory, vmCpuSteal, vmDiskLatency, vmSwap};
/// A panic is a crash as well: it is looked at first.
constexpr std::array vmHappenings = {vmPanicked, vmCrashed,       vmWatchdog,
                                     vmIoError,  vmMemoryFailure, vmUnresponsive};
constexpr std::array troubles = {vmWatchdog, vmIoError, vmMemoryFailure};
constexpr std::array serverFigures = {serverCpu,  serverCpuSteal, serverMemory,
                                      serverSwap, serverLoad,     serverDisk};

constexpr std::chrono::minutes betweenRepeats{1};

constexpr std::size_t at(AlertSource source) {
    return static_cast<std::size_t>(source);
}

/// What happens is to a rule without thresholds as a figure to its threshold of 0.
Figure asFigure(std::optional<bool> happens) {
    return happens ? Figure(*happens ? 1 : -1) : std::nullopt;
}

struct Names {
    const proto::VmIdentity& vm;

    bool operator()(proto::VmId id) const { return id == vm.id; }
    bool operator()(const proto::Uuid& uuid) const { return uuid == vm.uuid; }
    bool operator()(const std::string& name) const { return name == vm.name; }
};

}  // namespace

AlertRules::AlertRules(const HostState& state, Alerts& alerts, const AlertPolicy& policy)
    : state_(state), alerts_(alerts), policy_(policy), rules_(rulesOf(policy)) {}

void AlertRules::restore() {
    for (const auto& [id, alert] : state_.alerts) {
        const auto colon = id.find(':');
        const auto source = alertSource(std::string_view(id).substr(0, colon));
        if (!source) continue;
        if (isAboutVm(*source) && alert.vm)
            vms_[alert.vm->uuid].trigger(*source).restore(alert.severity);
        else if (*source == serverPool && colon != id.npos)
            pools_[id.substr(colon + 1)].restore(alert.severity);
        else
            server_[at(*source)].restore(alert.severity);
    }
}

// --- the rules -----------------------------------------------------------------------------------

/// What the policy says nothing of is not watched.
std::shared_ptr<const AlertRules::Rules> AlertRules::rulesOf(const AlertPolicy& policy) {
    auto rules = std::make_shared<Rules>();
    for (std::size_t i = 0; i < alertSources; ++i)
        (*rules)[i] = {static_cast<AlertSource>(i), false, {}, {}};
    for (const auto& rule : policy.rules) {
        AlertRule& own = (*rules)[at(rule.source)] = rule;
        own.enabled = rule.enabled && !rule.levels.empty();
    }
    return rules;
}

std::shared_ptr<const AlertRules::Rules> AlertRules::rulesFor(
    const proto::VmIdentity& vm, const std::vector<AlertOverride>& ofMetadata) const {
    std::shared_ptr<Rules> own;
    const auto apply = [&](const std::vector<AlertOverride>& overrides) {
        for (const auto& each : overrides) {
            if (!own) own = std::make_shared<Rules>(*rules_);
            each.applyTo((*own)[at(each.source)]);
        }
    };
    for (const auto& each : policy_.vms)
        if (std::visit(Names{vm}, each.vm)) apply(each.overrides);
    apply(ofMetadata);
    return own ? own : rules_;
}

void AlertRules::setPolicy(const AlertPolicy& policy, const common::Now& now) {
    policy_ = policy;
    const auto before = std::exchange(rules_, rulesOf(policy));
    for (const auto& [uuid, vm] : state_.vms) follow(vm, now);
    for (std::size_t i = 0; i < alertSources; ++i) server_[i].adapt((*before)[i], (*rules_)[i]);
    for (auto& [name, trigger] : pools_)
        trigger.adapt((*before)[at(serverPool)], (*rules_)[at(serverPool)]);
    onServerFigures(now);
    tick(now);
}

void AlertRules::follow(const Vm& vm, const common::Now& now) {
    WatchedVm& watched = vms_[vm.info.identity.uuid];
    const auto before = std::exchange(watched.rules, rulesFor(vm.info.identity, vm.alertOverrides));
    if (!before) {
        // Nobody knows when that was which an earlier run of the agent was told of.
        for (const auto source : troubles)
            if (watched.trigger(source).firing()) watched.troubles[source].last = now.mono;
    } else if (before != watched.rules && *before != *watched.rules) {
        for (std::size_t i = 0; i < vmSources; ++i)
            watched.triggers[i].adapt((*before)[i], (*watched.rules)[i]);
        lookAtFigures(vm, watched, now);
    }
    lookAtHappenings(vm, watched, now);
}

void AlertRules::forgetGone(const std::function<bool(const proto::Uuid&)>& isThere) {
    std::erase_if(vms_, [&](const auto& each) { return !isThere(each.first); });
}

// --- VMs -----------------------------------------------------------------------------------------

void AlertRules::onStatus(const Vm& vm, const common::Now& now) {
    lookAtHappenings(vm, vms_[vm.info.identity.uuid], now);
}

void AlertRules::onFigures(const Vm& vm, const common::Now& now) {
    WatchedVm& watched = vms_[vm.info.identity.uuid];
    lookAtFigures(vm, watched, now);
    lookAtHappenings(vm, watched, now);
}

void AlertRules::lookAtFigures(const Vm& vm, WatchedVm& watched, const common::Now& now) {
    const bool known = vm.metrics && !vm.metrics->stale;
    for (const auto source : vmFigures)
        judge({source, &vm.info}, (*watched.rules)[at(source)], watched.trigger(source),
              known ? figureOf(source, *vm.metrics) : std::nullopt, now);
}

void AlertRules::lookAtHappenings(const Vm& vm, WatchedVm& watched, const common::Now& now) {
    if (vm.info.bootId && vm.info.bootId != watched.bootId) {
        if (watched.bootId) watched.troubles.clear();
        watched.bootId = vm.info.bootId;
    }
    if (!vm.lifecycle.active())
        for (const auto source : vmFigures) end({source, &vm.info}, watched.trigger(source), now);
    for (const auto source : vmHappenings) {
        if (source == vmCrashed && watched.trigger(vmPanicked).active()) continue;
        const auto trouble = watched.troubles.find(source);
        const bool told = trouble != watched.troubles.end();
        const auto happening =
            happens(source, vm, told ? trouble->second.last : std::nullopt, now.mono);
        judge({source, &vm.info}, (*watched.rules)[at(source)], watched.trigger(source),
              asFigure(happening), now, told ? trouble->second.detail : std::string_view());
    }
}

void AlertRules::onTrouble(const Vm& vm, AlertSource what, std::string detail,
                           const common::Now& now) {
    WatchedVm& watched = vms_[vm.info.identity.uuid];
    const bool fired = watched.trigger(what).firing().has_value();
    Trouble& trouble = watched.troubles[what];
    trouble.last = now.mono;
    trouble.detail = std::move(detail);
    lookAtHappenings(vm, watched, now);
    if (!watched.trigger(what).firing()) return;
    if (fired)
        repeat(vm, what, watched, now);
    else
        trouble.toldAt = now.mono;
}

void AlertRules::repeat(const Vm& vm, AlertSource what, WatchedVm& watched,
                        const common::Now& now) {
    Trouble& trouble = watched.troubles[what];
    const AlertSubject subject{what, &vm.info};
    if (trouble.toldAt && now.mono - *trouble.toldAt < betweenRepeats)
        return alerts_.keep(alertId(subject), {}, {}, now);
    const AlertRule& rule = (*watched.rules)[at(what)];
    const AlertLevel& level = *levelOf(rule, *watched.trigger(what).firing());
    alerts_.raise(alertOf(subject, rule, level, 0, trouble.detail), now);
    trouble.toldAt = now.mono;
}

// --- the server and the agent --------------------------------------------------------------------

void AlertRules::onServerFigures(const common::Now& now) {
    const auto& metrics = state_.serverMetrics;
    const bool known = metrics && !metrics->stale;
    for (const auto source : serverFigures)
        judgeServer(
            source,
            known ? figureOf(source, *metrics, state_.server.cpus.value_or(0)) : std::nullopt, now);
    lookAtPools(now);
}

void AlertRules::lookAtPools(const common::Now& now) {
    if (!state_.serverMetrics || !state_.serverMetrics->pools) return;
    const AlertRule& rule = (*rules_)[at(serverPool)];
    std::set<std::string_view> there;
    for (const auto& pool : *state_.serverMetrics->pools) {
        there.insert(pool.name);
        const Figure figure = pool.stale ? std::nullopt : pool.usagePercent;
        judge({serverPool, nullptr, pool.name}, rule, pools_[pool.name], figure, now);
    }
    for (auto pool = pools_.begin(); pool != pools_.end();) {
        const auto each = pool++;
        if (there.contains(each->first)) continue;
        end({serverPool, nullptr, each->first}, each->second, now);
        pools_.erase(each);
    }
}

void AlertRules::onLibvirt(bool lost, std::string_view reason, const common::Now& now) {
    libvirtLost_ = lost;
    lostBecause_ = reason;
    judgeServer(libvirtLost, asFigure(libvirtLost_), now, lostBecause_);
}

void AlertRules::onQueues(double used, const common::Now& now) {
    judgeServer(agentQueues, used, now);
}

void AlertRules::tick(const common::Now& now) {
    for (const auto& [uuid, vm] : state_.vms)
        if (const auto found = vms_.find(uuid); found != vms_.end())
            lookAtHappenings(vm, found->second, now);
    judgeServer(libvirtLost, asFigure(libvirtLost_), now, lostBecause_);
}

// --- one rule ------------------------------------------------------------------------------------

void AlertRules::judgeServer(AlertSource source, Figure figure, const common::Now& now,
                             std::string_view detail) {
    judge({source}, (*rules_)[at(source)], server_[at(source)], figure, now, detail);
}

void AlertRules::judge(const AlertSubject& subject, const AlertRule& rule, AlertTrigger& trigger,
                       Figure figure, const common::Now& now, std::string_view detail) {
    if (!rule.enabled) return end(subject, trigger, now);
    if (!figure) return trigger.seeNothing(now.mono);
    const auto before = trigger.firing();
    trigger.see(*figure, rule, now.mono);
    const auto after = trigger.firing();
    if (!before && !after) return;
    const bool counts = hasThresholds(subject.source);
    if (!after) return alerts_.resolve(alertId(subject), now, counts ? figure : std::nullopt);
    const AlertLevel& level = *levelOf(rule, *after);
    if (after != before)
        alerts_.raise(alertOf(subject, rule, level, *figure, detail), now);
    else if (counts)
        alerts_.keep(alertId(subject), figure, level.raise, now);
}

void AlertRules::end(const AlertSubject& subject, AlertTrigger& trigger, const common::Now& now) {
    if (!trigger.active()) return;
    if (trigger.firing()) alerts_.resolve(alertId(subject), now);
    trigger.reset();
}

}  // namespace rollo::core
