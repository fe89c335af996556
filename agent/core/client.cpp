// SPDX-License-Identifier: Apache-2.0
#include "agent/core/client.hpp"

#include <algorithm>
#include <chrono>
#include <unordered_set>
#include <utility>

#include "agent/core/snapshot.hpp"
#include "proto/codec.hpp"

namespace rollo::core {
namespace {

using proto::ErrorCode;
using proto::EventKind;
using proto::SnapshotReason;

constexpr std::chrono::seconds waitForRules{5};

proto::RuleInForce inForce(const Rule& rule, const HostState& state) {
    proto::RuleInForce shown;
    if (!rule.id.empty()) shown.id = rule.id;
    shown.include = rule.include;
    if (rule.kinds) shown.filter.events = rule.kinds->wireNames();
    shown.filter.vmIds = rule.vmIds;
    shown.filter.serverIds = rule.serverIds;
    if (rule.boundTo) {
        shown.filter.vmIds.emplace();
        if (const Vm* vm = state.find(*rule.boundTo))
            shown.filter.vmIds->push_back(vm->info.identity.id);
    }
    if (rule.ownServer) {
        shown.filter.serverIds.emplace();
        if (state.server.id) shown.filter.serverIds->push_back(*state.server.id);
    }
    return shown;
}

/// Nothing: all kinds. Names that are not known are appended to `refused`.
std::optional<Kinds> readKinds(const proto::Filter& filter, std::vector<std::string>& refused) {
    if (!filter.events || (filter.events->size() == 1 && filter.events->front() == "*"))
        return std::nullopt;
    Kinds kinds;
    for (const auto& name : *filter.events) {
        if (const auto kind = proto::eventKind(name))
            kinds.add(*kind);
        else
            refused.push_back(name);
    }
    return kinds;
}

}  // namespace

Client::Client(Opening opening, Principal principal, Lasting<Terms> terms, Hub& hub,
               const HostState& state, Subscriber& subscriber)
    : Conversation(std::move(opening.connectionId), std::move(principal), terms, hub, state,
                   subscriber),
      opening_(std::make_unique<Opening>(std::move(opening))),
      hub_(hub),
      endpoint_(std::move(opening_->endpoint), state, this->principal()),
      member_(subscriber) {}

Client::~Client() {
    hub_.leave(member_);
}

void Client::begin(const common::Now& now) {
    subscription_.add(endpoint_.rule());
    history_ = opening_->history;
    const auto opening = std::move(opening_);
    const bool rulesAreThere = endpoint_.startsSubscribed() || opening->subscribe;
    if (opening->resume && !rulesAreThere) {
        waiting_ = std::make_unique<Waiting>(*opening->resume, now.mono);
    } else if (opening->subscribe) {
        openByQuery(*opening, now);
    } else if (opening->resume) {
        confirm(std::nullopt, {}, {}, now);
        resumeFrom(*opening->resume, now);
    } else {
        goLive(now, endpoint_.startsSubscribed() && opening->snapshot, SnapshotReason::subscribed);
    }
}

void Client::openByQuery(const Opening& opening, const common::Now& now) {
    proto::Subscribe subscribe = *opening.subscribe;
    subscribe.snapshot = opening.snapshot;
    subscribe.resume = opening.resume;
    subscribe.history = opening.history;
    const auto& filter = subscribe.filter;
    if (!endpoint_.startsSubscribed() || filter.vmIds || filter.serverIds)
        return on(subscribe, now);
    // Events alone narrow what the path names: that VM's, or that server's.
    Rule rule = endpoint_.rule();
    std::vector<std::string> refused;
    rule.kinds = readKinds(filter, refused);
    subscription_ = {};
    subscription_.add(std::move(rule));
    confirm(std::nullopt, std::move(refused), {}, now);
    if (subscribe.resume)
        resumeFrom(*subscribe.resume, now);
    else
        goLive(now, subscribe.snapshot, SnapshotReason::subscribed);
}

void Client::handle(const proto::ClientMessage& message, const common::Now& now) {
    std::visit([&](const auto& each) { on(each, now); }, message);
}

// --- subscriptions -------------------------------------------------------------------------------

void Client::on(const proto::Subscribe& message, const common::Now& now) {
    if (message.resume && hub_.hasHeardOrdered(member_))
        return refuse(ErrorCode::resumeTooLate,
                      "a seq has already been sent on this connection; open a new one to resume",
                      "subscribe", now);
    std::vector<std::string> refused;
    if (!addRule(message.filter, message.id, true, refused))
        return refuse(ErrorCode::tooManyRules, "this connection has as many rules as it may have",
                      "subscribe", now);
    history_ = message.history;
    // Without a snapshot, what a replaced rule brought may be missed from here on.
    if (message.id && !message.snapshot) told_ = {};
    confirm(message.id, std::move(refused), message.filter, now);
    const auto waiting = std::move(waiting_);
    if (message.resume || waiting)
        resumeFrom(message.resume ? *message.resume : waiting->resume, now);
    else
        goLive(now, message.snapshot, SnapshotReason::subscribed);
}

void Client::on(const proto::Unsubscribe& message, const common::Now& now) {
    std::vector<std::string> refused;
    if (message.id)
        subscription_.remove(*message.id);
    else if (!addRule(message.filter, std::nullopt, false, refused))
        return refuse(ErrorCode::tooManyRules, "this connection has as many rules as it may have",
                      "unsubscribe", now);
    told_ = {};  // what is missed from here on is new when it is asked for again
    confirm(message.id, std::move(refused), {}, now);
    if (!waiting_) join();
}

bool Client::fits(const Subscription& subscription) const {
    std::size_t ids = 0;
    for (const auto& rule : subscription.rules())
        ids +=
            (rule.vmIds ? rule.vmIds->size() : 0) + (rule.serverIds ? rule.serverIds->size() : 0);
    return subscription.rules().size() <= terms().maxRules && ids <= terms().maxIds;
}

bool Client::addRule(const proto::Filter& filter, const std::optional<std::string>& id,
                     bool include, std::vector<std::string>& refused) {
    Rule rule;
    rule.id = id.value_or("");
    rule.include = include;
    rule.kinds = readKinds(filter, refused);
    rule.vmIds = filter.vmIds;
    rule.serverIds = filter.serverIds;
    Subscription next = subscription_;
    next.add(std::move(rule));
    if (!fits(next)) return false;
    subscription_ = std::move(next);
    return true;
}

void Client::confirm(std::optional<std::string> id, std::vector<std::string> refused,
                     const proto::Filter& asked, const common::Now& now) {
    proto::SubscriptionConfirmed confirmed;
    confirmed.id = std::move(id);
    confirmed.refused = std::move(refused);
    for (const auto& rule : subscription_.rules())
        confirmed.rules.push_back(inForce(rule, state()));
    if (asked.vmIds) {
        std::unordered_set<proto::VmId> visible;
        for (const auto& [uuid, vm] : state().vms)
            if (principal().mayView(vm.info.identity)) visible.insert(vm.info.identity.id);
        for (const auto vmId : *asked.vmIds)
            if (!visible.contains(vmId)) confirmed.pendingVms.push_back(vmId);
    }
    if (asked.serverIds)
        for (const auto serverId : *asked.serverIds)
            if (!principal().mayViewServer() || serverId != state().server.id)
                confirmed.pendingServers.push_back(serverId);
    say(confirmed, now);
}

void Client::join() {
    hub_.join(member_, subscription_, principal());
    // Many clients ask for the same, and lists of ids may be long: one copy serves them all.
    const Subscription& shared = hub_.rules(member_);
    if (shared == subscription_) subscription_ = shared;
}

void Client::goLive(const common::Now& now, bool withSnapshot, SnapshotReason reason) {
    join();
    if (!withSnapshot) return;
    sendSnapshot(reason, &told_, now);
}

void Client::resumeFrom(const proto::ResumePoint& from, const common::Now& now) {
    join();
    told_ = subscription_;
    member_.heardOrdered = true;
    auto missed = hub_.replay(from, subscription_, principal());
    if (!missed) return sendSnapshot(SnapshotReason::gap, nullptr, now);
    const proto::Resumed resumed{hub_.epoch(), from.seq, hub_.seq(), missed->size()};
    missed->push_back(proto::encode(proto::AgentMessage(resumed), now));
    subscriber().sendBacklog(std::move(*missed));
}

void Client::sendSnapshot(SnapshotReason reason, const Subscription* told, const common::Now& now) {
    member_.heardOrdered = true;  // a snapshot has a `seq`, and what is later is larger
    const auto take = [&] {
        return takeSnapshot(state(), hub_, principal(), subscription_, told, reason, history_, now);
    };
    const bool whole = !told || told->rules().empty();
    subscriber().sendBacklog(whole ? hub_.snapshotFor(member_, reason, history_, now, take)
                                   : take());
    told_ = subscription_;
}

// --- the rest ------------------------------------------------------------------------------------

void Client::on(const proto::Ping&, const common::Now& now) {
    answerPing(now);
}

void Client::on(const proto::Authenticate&, const common::Now&) {
    // Tokens are read by the session: no token enters the core.
}

template <class ConsoleMessage>
void Client::on(const ConsoleMessage& message, const common::Now& now) {
    refuse(ErrorCode::unsupported, "this endpoint has no console",
           proto::wireName(proto::ClientMessage(message)), now);
}

void Client::rightsChanged(const Principal& before, const common::Now& now) {
    if (before.permissions == principal().permissions && before.vms == principal().vms) return;
    confirm(std::nullopt, {}, {}, now);
    if (waiting_) return;
    tellOfLostVms(before, now);
    join();
    sendSnapshot(SnapshotReason::resync, nullptr, now);
}

void Client::tellOfLostVms(const Principal& before, const common::Now& now) {
    for (const auto& [uuid, vm] : state().vms) {
        const auto& identity = vm.info.identity;
        if (before.mayView(identity) && !principal().mayView(identity) &&
            subscription_.covers(identity, hub_.serverId()))
            subscriber().send(
                proto::encode(proto::Event(proto::VmDeleted{identity, "access_ended"}), 0, now));
    }
}

void Client::tick(const common::Now& now) {
    if (waiting_ && now.mono - waiting_->since >= waitForRules) {
        const auto waiting = std::move(waiting_);
        confirm(std::nullopt, {}, {}, now);
        resumeFrom(waiting->resume, now);
    }
    Conversation::tick(now);
}

}  // namespace rollo::core
