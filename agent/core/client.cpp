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
constexpr std::chrono::seconds warnBeforeExpiry{60};
constexpr std::chrono::seconds graceAfterExpiry{25};

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

Client::Client(Opening opening, Principal principal, const Terms& terms, Hub& hub,
               const HostState& state, Subscriber& subscriber)
    : opening_(std::make_unique<Opening>(std::move(opening))),
      connectionId_(std::move(opening_->connectionId)),
      principal_(std::move(principal)),
      terms_(terms),
      hub_(hub),
      state_(state),
      endpoint_(std::move(opening_->endpoint), state_, principal_),
      subscriber_(subscriber),
      member_(subscriber) {}

Client::~Client() {
    hub_.leave(member_);
}

void Client::open(const common::Now& now) {
    sayWhoYouAre(now);
    subscription_.add(endpoint_.rule());
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

void Client::sayWhoYouAre(const common::Now& now) {
    proto::ConnectionStatus status;
    status.connectionId = connectionId_;
    status.epoch = hub_.epoch();
    status.seq = hub_.seq();
    status.serverId = state_.server.id;
    status.serverUuid = state_.server.uuid;
    status.hostname = state_.server.hostname;
    status.agentVersion = state_.server.agentVersion;
    status.user = principal_.user;
    status.role = principal_.role;
    status.permissions = principal_.permissions.words();
    status.heartbeatSeconds = terms_.heartbeat.count();
    status.limits = {static_cast<std::int64_t>(terms_.maxMessageBytes),
                     static_cast<std::int64_t>(terms_.maxRules)};
    say(status, now);
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
    return subscription.rules().size() <= terms_.maxRules && ids <= terms_.maxIds;
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
    for (const auto& rule : subscription_.rules()) confirmed.rules.push_back(inForce(rule, state_));
    if (asked.vmIds) {
        std::unordered_set<proto::VmId> visible;
        for (const auto& [uuid, vm] : state_.vms)
            if (principal_.mayView(vm.info.identity)) visible.insert(vm.info.identity.id);
        for (const auto vmId : *asked.vmIds)
            if (!visible.contains(vmId)) confirmed.pendingVms.push_back(vmId);
    }
    if (asked.serverIds)
        for (const auto serverId : *asked.serverIds)
            if (!principal_.mayViewServer() || serverId != state_.server.id)
                confirmed.pendingServers.push_back(serverId);
    say(confirmed, now);
}

void Client::join() {
    hub_.join(member_, subscription_, principal_);
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
    auto missed = hub_.replay(from, subscription_, principal_);
    if (!missed) return sendSnapshot(SnapshotReason::gap, nullptr, now);
    const proto::Resumed resumed{hub_.epoch(), from.seq, hub_.seq(), missed->size()};
    missed->push_back(proto::encode(proto::AgentMessage(resumed), now));
    subscriber_.sendBacklog(std::move(*missed));
}

void Client::sendSnapshot(SnapshotReason reason, const Subscription* told, const common::Now& now) {
    member_.heardOrdered = true;  // a snapshot has a `seq`, and what is later is larger
    const auto take = [&] {
        return takeSnapshot(state_, hub_, principal_, subscription_, told, reason, now);
    };
    const bool whole = !told || told->rules().empty();
    subscriber_.sendBacklog(whole ? hub_.snapshotFor(member_, reason, now, take) : take());
    told_ = subscription_;
}

// --- the rest ------------------------------------------------------------------------------------

void Client::on(const proto::Ping&, const common::Now& now) {
    say(proto::Pong{hub_.seq()}, now);
}

void Client::on(const proto::Authenticate&, const common::Now&) {
    // Tokens are read by the session: no token enters the core.
}

void Client::on(const proto::ConsoleMessage& message, const common::Now& now) {
    refuse(ErrorCode::unsupported, "this endpoint has no console", message.type, now);
}

bool Client::renew(Principal principal, const common::Now& now) {
    if (principal_.user && principal.user != principal_.user) {
        refuse(ErrorCode::identityMismatch, "the token belongs to somebody else", "auth", now);
        return false;
    }
    const Principal before = std::exchange(principal_, std::move(principal));
    warnedOfExpiry_ = false;
    if (refusal()) {
        subscriber_.close(proto::farewell::permissionDenied);
        return true;
    }
    sayWhoYouAre(now);
    if (before.permissions == principal_.permissions && before.vms == principal_.vms) return true;
    confirm(std::nullopt, {}, {}, now);
    if (waiting_) return true;
    tellOfLostVms(before, now);
    join();
    sendSnapshot(SnapshotReason::resync, nullptr, now);
    return true;
}

void Client::tellOfLostVms(const Principal& before, const common::Now& now) {
    for (const auto& [uuid, vm] : state_.vms) {
        const auto& identity = vm.info.identity;
        if (before.mayView(identity) && !principal_.mayView(identity) &&
            subscription_.covers(identity, hub_.serverId()))
            subscriber_.send(
                proto::encode(proto::Event(proto::VmDeleted{identity, "access_ended"}), 0, now));
    }
}

void Client::tick(const common::Now& now) {
    if (waiting_ && now.mono - waiting_->since >= waitForRules) {
        const auto waiting = std::move(waiting_);
        confirm(std::nullopt, {}, {}, now);
        resumeFrom(waiting->resume, now);
    }
    if (!principal_.expiresAt) return;
    if (now.wall >= *principal_.expiresAt + graceAfterExpiry) {
        subscriber_.close(proto::farewell::tokenExpired);
    } else if (!warnedOfExpiry_ && now.wall >= *principal_.expiresAt - warnBeforeExpiry) {
        warnedOfExpiry_ = true;
        say(proto::TokenExpiring{*principal_.expiresAt}, now);
    }
}

void Client::say(const proto::AgentMessage& message, const common::Now& now) {
    subscriber_.send(proto::encode(message, now));
}

void Client::refuse(ErrorCode code, std::string message, std::string_view type,
                    const common::Now& now) {
    subscriber_.refuse({code, std::move(message), type, {}}, now);
}

}  // namespace rollo::core
