// SPDX-License-Identifier: Apache-2.0
#include "agent/core/subscription.hpp"

#include <algorithm>

namespace rollo::core {
namespace {

using proto::EventKind;
using proto::ServerId;
using proto::VmId;
using proto::VmIdentity;

template <class Event>
Topic vmTopic(EventKind kind, const Event& event) {
    return {kind, &event.vm, false};
}

struct TopicOf {
    Topic operator()(const proto::VmStatusChanged& e) const {
        return vmTopic(EventKind::vmStatusChanged, e);
    }
    Topic operator()(const proto::VmCreated& e) const {
        return {EventKind::vmCreated, &e.vm.identity, false};
    }
    Topic operator()(const proto::VmUpdated& e) const {
        return {EventKind::vmUpdated, &e.vm.identity, false};
    }
    Topic operator()(const proto::VmDeleted& e) const { return vmTopic(EventKind::vmDeleted, e); }
    Topic operator()(const proto::VmMetricsUpdate& e) const {
        return vmTopic(EventKind::vmMetricsUpdate, e);
    }
    Topic operator()(const proto::ServerStatusChanged&) const {
        return {EventKind::serverStatusChanged, nullptr, true};
    }
    Topic operator()(const proto::ServerRegistered&) const {
        return {EventKind::serverRegistered, nullptr, true};
    }
    Topic operator()(const proto::ServerRemoved&) const {
        return {EventKind::serverRemoved, nullptr, true};
    }
    Topic operator()(const proto::ServerMetricsUpdate&) const {
        return {EventKind::serverMetricsUpdate, nullptr, true};
    }
    Topic operator()(const proto::Alert& e) const { return topicOf(e); }
    Topic operator()(const proto::Progress& e) const { return topicOf(e); }
};

template <class T>
bool has(const std::vector<T>& sorted, T value) {
    return std::binary_search(sorted.begin(), sorted.end(), value);
}

bool matchesServer(const Rule& rule, std::optional<ServerId> self) {
    return self && has(*rule.serverIds, *self);
}

bool matchesVm(const Rule& rule, const VmIdentity& vm, std::optional<ServerId> self) {
    if (rule.boundTo) return *rule.boundTo == vm.uuid;
    if (rule.vmIds) return has(*rule.vmIds, vm.id);
    return !rule.serverIds || matchesServer(rule, self);
}

/// Ids alone: a VM's events go by VM ids, or by server ids where no VM ids are given; the server's
/// by server ids; events tied to neither match rules without ids.
bool matchesIds(const Rule& rule, const Topic& topic, std::optional<ServerId> self) {
    if (topic.vm) return matchesVm(rule, *topic.vm, self);
    const bool namesVms = rule.vmIds || rule.boundTo;
    if (topic.server && rule.ownServer) return true;
    if (topic.server && rule.serverIds) return matchesServer(rule, self);
    return !namesVms && !rule.serverIds;
}

template <class T>
bool includesAll(const std::optional<std::vector<T>>& wide,
                 const std::optional<std::vector<T>>& narrow) {
    if (!wide || !narrow) return !wide && !narrow;
    return std::includes(wide->begin(), wide->end(), narrow->begin(), narrow->end());
}

template <class T>
void normalise(std::optional<std::vector<T>>& ids) {
    if (!ids) return;
    std::sort(ids->begin(), ids->end());
    ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}

Kinds vmKinds() {
    Kinds kinds;
    for (const auto kind : {EventKind::vmStatusChanged, EventKind::vmCreated, EventKind::vmUpdated,
                            EventKind::vmDeleted, EventKind::vmMetricsUpdate})
        kinds.add(kind);
    return kinds;
}

}  // namespace

Topic topicOf(const proto::Event& event) {
    return std::visit(TopicOf{}, event);
}

Topic topicOf(const proto::Alert& alert) {
    return {EventKind::alert, alert.vm ? &*alert.vm : nullptr, !alert.vm && !alert.other};
}

Topic topicOf(const proto::Progress& progress) {
    return {EventKind::progress, progress.vm ? &*progress.vm : nullptr, false};
}

Kinds Kinds::withCompanions() const {
    Kinds all = *this;
    if (has(EventKind::vmStatusChanged))
        for (const auto kind : {EventKind::vmCreated, EventKind::vmUpdated, EventKind::vmDeleted})
            all.add(kind);
    if (has(EventKind::serverStatusChanged))
        for (const auto kind : {EventKind::serverRegistered, EventKind::serverRemoved})
            all.add(kind);
    return all;
}

std::vector<std::string> Kinds::wireNames() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < proto::eventKinds; ++i) {
        const auto kind = static_cast<EventKind>(i);
        if (has(kind)) names.emplace_back(proto::wireName(kind));
    }
    return names;
}

bool Rule::covers(const Rule& other) const {
    if (!effectiveKinds().contains(other.effectiveKinds())) return false;
    if (!vmIds && !serverIds && !boundTo) return true;
    return boundTo == other.boundTo && ownServer == other.ownServer &&
           includesAll(vmIds, other.vmIds) && includesAll(serverIds, other.serverIds);
}

void Subscription::add(Rule rule) {
    normalise(rule.vmIds);
    normalise(rule.serverIds);
    std::vector<Rule> next;
    for (const auto& earlier : rules())
        if ((rule.id.empty() || earlier.id != rule.id) && !rule.covers(earlier))
            next.push_back(earlier);
    // Nothing is wanted before the first rule, so an exclusion there excludes nothing.
    if (rule.include || !next.empty()) next.push_back(std::move(rule));
    become(std::move(next));
}

bool Subscription::remove(const std::string& id) {
    std::vector<Rule> next = rules();
    const bool found = std::erase_if(next, [&](const Rule& rule) { return rule.id == id; }) > 0;
    if (found) become(std::move(next));
    return found;
}

const std::vector<Rule>& Subscription::rules() const {
    static const std::vector<Rule> none;
    return rules_ ? *rules_ : none;
}

void Subscription::become(std::vector<Rule> rules) {
    rules.shrink_to_fit();
    rules_ = std::make_shared<const std::vector<Rule>>(std::move(rules));
}

bool Subscription::wants(const Topic& topic, std::optional<ServerId> self) const {
    const auto& rules = this->rules();
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule)
        if (rule->effectiveKinds().has(topic.kind) && matchesIds(*rule, topic, self))
            return rule->include;
    return false;
}

Kinds Subscription::kindsOf(const VmIdentity& vm, std::optional<ServerId> self) const {
    Kinds wanted;
    Kinds open = vmKinds();
    const auto& rules = this->rules();
    for (auto rule = rules.rbegin(); rule != rules.rend() && !open.empty(); ++rule) {
        if (!matchesVm(*rule, vm, self)) continue;
        const Kinds decided = open.both(rule->effectiveKinds());
        if (rule->include) wanted.add(decided);
        open = open.without(decided);
    }
    return wanted;
}

}  // namespace rollo::core
