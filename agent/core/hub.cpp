// SPDX-License-Identifier: Apache-2.0
#include "agent/core/hub.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "proto/codec.hpp"

namespace rollo::core {

struct Hub::Room {
    std::string key;
    Subscription subscription;
    Principal principal;
    /// With what a delivery needs, so that it does not look at the members: there may be thousands,
    /// and each is a place in memory of its own.
    struct Seat {
        Member* member;
        Subscriber* subscriber;
    };
    std::vector<Seat> seats;
    struct Latest {
        std::uint64_t key;
        proto::Frame frame;
    };
    std::vector<Latest> latest;  ///< waits for the end of a batch
    proto::Seq lastOrdered = 0;  ///< that its members were told
    std::uint64_t visited = 0;
};

namespace {

template <class T>
void appendIds(std::string& key, const std::optional<std::vector<T>>& ids) {
    if (!ids) {
        key += '*';
        return;
    }
    for (const auto id : *ids) fmt::format_to(std::back_inserter(key), "{},", id);
}

/// The same text for the same rules and rights, and for no others.
std::string roomKey(const Subscription& subscription, const Principal& principal) {
    std::string key = fmt::format("{}", principal.permissions.bits);
    if (principal.vms) {
        for (const auto& vm : *principal.vms) {
            if (const auto* id = std::get_if<proto::VmId>(&vm))
                fmt::format_to(std::back_inserter(key), "|i{}", *id);
            else if (const auto* uuid = std::get_if<proto::Uuid>(&vm))
                key += "|u" + uuid->toString();
            else
                fmt::format_to(std::back_inserter(key), "|n{}:{}", std::get<std::string>(vm).size(),
                               std::get<std::string>(vm));
        }
        key += '|';
    }
    for (const auto& rule : subscription.rules()) {
        key += rule.include ? ";+" : ";-";
        for (const auto& name : rule.effectiveKinds().wireNames()) key += name + ",";
        key += "/v";
        appendIds(key, rule.vmIds);
        key += "/s";
        appendIds(key, rule.serverIds);
        if (rule.boundTo) key += "/b" + rule.boundTo->toString();
        if (rule.ownServer) key += "/o";
    }
    return key;
}

/// Ages and times in it are as of when it was taken.
constexpr std::chrono::milliseconds snapshotLasts{250};

bool namesItsVms(const Rule& rule) {
    if (rule.ownServer) return false;
    return rule.boundTo || (rule.vmIds && (!rule.serverIds || rule.serverIds->empty()));
}

/// Names what replaces what. VM ids start at 1 and stay below 2^53, so 0 is free for the server and
/// the upper half for operations.
std::uint64_t conflationKey(const proto::Event& event, const Topic& topic) {
    constexpr std::uint64_t operation = std::uint64_t{1} << 63;
    if (const auto* progress = std::get_if<proto::Progress>(&event))
        return operation | std::hash<std::string>()(progress->operationId);
    return topic.vm ? static_cast<std::uint64_t>(topic.vm->id) : 0;
}

/// What of it may still wait somewhere is untrue once this event is told.
std::optional<std::uint64_t> madeUntrue(const proto::Event& event, const Topic& topic) {
    const auto* progress = std::get_if<proto::Progress>(&event);
    if (!progress || !proto::isEnd(progress->status)) return std::nullopt;
    return conflationKey(event, topic);
}

std::optional<proto::VmIdentity> before(const proto::Event& event) {
    const auto* updated = std::get_if<proto::VmUpdated>(&event);
    if (!updated || updated->before == updated->vm.identity) return std::nullopt;
    return updated->before;
}

/// True for a VM that the principal was shown under its former name and may not see any more.
bool lost(const ReplayLog::Entry& entry, const Principal& principal) {
    return entry.before && principal.mayView(*entry.before) && !principal.mayView(*entry.vm);
}

}  // namespace

bool mayHear(const Principal& principal, const Topic& topic) {
    if (topic.vm) return principal.mayView(*topic.vm);
    return topic.server ? principal.mayViewServer() : principal.mayViewUntied();
}

Hub::Hub(std::string epoch) : Hub(std::move(epoch), Settings()) {}

Hub::Hub(std::string epoch, Settings settings)
    : epoch_(std::move(epoch)), log_(settings.replayEntries, settings.replayBytes) {}

Hub::~Hub() = default;

void Hub::setServerId(std::optional<proto::ServerId> id) {
    serverId_ = id;
}

void Hub::publish(const proto::Event& event, const common::Now& now) {
    forgetSnapshots();
    const Topic topic = topicOf(event);
    if (proto::conflatable(event))
        publishLatest(event, topic, now);
    else
        publishOrdered(event, topic, now);
}

void Hub::publishOrdered(const proto::Event& event, const Topic& topic, const common::Now& now) {
    ++seq_;
    auto former = before(event);
    proto::Frame farewell;
    if (former) farewell = proto::encode(proto::VmDeleted{*former, "access_ended"}, seq_, now);
    const auto& entry = log_.append(seq_, topic, proto::encode(event, seq_, now), std::move(former),
                                    std::move(farewell));
    const auto untrue = madeUntrue(event, topic);
    forEachRoom(topic, [&](Room& room) {
        if (untrue) takeBack(room, *untrue);
        deliver(room, topic, entry);
    });
    if (follow_) follow_(event, now);
}

void Hub::deliver(Room& room, const Topic& topic, const ReplayLog::Entry& entry) {
    const proto::Frame* frame = nullptr;
    if (room.subscription.wants(topic, serverId_) && mayHear(room.principal, topic))
        frame = &entry.frame;
    else if (lost(entry, room.principal) && room.subscription.covers(*entry.before, serverId_))
        frame = &entry.farewell;
    if (!frame) return;
    room.lastOrdered = entry.seq;
    for (const auto& seat : room.seats) seat.subscriber->send(*frame);
    delivered_ += room.seats.size();
}

void Hub::takeBack(Room& room, std::uint64_t key) {
    std::erase_if(room.latest, [&](const Room::Latest& latest) { return latest.key == key; });
    for (const auto& seat : room.seats) seat.subscriber->dropLatest(key);
}

void Hub::publishLatest(const proto::Event& event, const Topic& topic, const common::Now& now) {
    proto::Frame frame;
    const std::uint64_t key = conflationKey(event, topic);
    forEachRoom(topic, [&](Room& room) {
        if (!room.subscription.wants(topic, serverId_) || !mayHear(room.principal, topic)) return;
        if (!frame) frame = proto::encode(event, 0, now);
        if (room.latest.empty()) batched_.push_back(&room);
        room.latest.push_back({key, frame});
    });
    if (!batching_) deliverLatest();
}

void Hub::deliverLatest() {
    for (Room* room : batched_) {
        for (const auto& seat : room->seats)
            for (const auto& [key, frame] : room->latest) seat.subscriber->sendLatest(key, frame);
        delivered_ += room->latest.size() * room->seats.size();
        room->latest.clear();
    }
    batched_.clear();
}

template <class Visit>
void Hub::forEachRoom(const Topic& topic, Visit visit) {
    ++visit_;
    const auto once = [&](Room& room) {
        if (room.visited == visit_) return;
        room.visited = visit_;
        visit(room);
    };
    for (Room* room : wide_) once(*room);
    if (!topic.vm) return;
    if (const auto found = byVmId_.find(topic.vm->id); found != byVmId_.end())
        for (Room* room : found->second) once(*room);
    if (const auto found = byUuid_.find(topic.vm->uuid); found != byUuid_.end())
        for (Room* room : found->second) once(*room);
}

void Hub::join(Member& member, const Subscription& subscription, const Principal& principal) {
    leave(member);
    std::string key = roomKey(subscription, principal);
    auto& slot = rooms_[key];
    if (!slot) {
        slot = std::make_unique<Room>(Room{std::move(key), subscription, principal, {}});
        index(*slot);
    }
    member.room = slot.get();
    member.index = slot->seats.size();
    member.joinedAt = seq_;
    slot->seats.push_back({&member, &member.subscriber});
}

void Hub::leave(Member& member) {
    if (!member.room) return;
    member.heardOrdered = hasHeardOrdered(member);
    auto& seats = member.room->seats;
    seats[member.index] = seats.back();
    seats[member.index].member->index = member.index;
    seats.pop_back();
    if (seats.empty()) dropRoom(*member.room);
    member.room = nullptr;
}

bool Hub::hasHeardOrdered(const Member& member) const {
    return member.heardOrdered || (member.room && member.room->lastOrdered > member.joinedAt);
}

const Subscription& Hub::rules(const Member& member) const {
    return member.room->subscription;
}

void Hub::index(Room& room) {
    const auto& rules = room.subscription.rules();
    const auto wide = [](const Rule& rule) { return rule.include && !namesItsVms(rule); };
    if (std::any_of(rules.begin(), rules.end(), wide)) {
        wide_.push_back(&room);
        return;
    }
    for (const auto& rule : rules) {
        if (!rule.include) continue;
        if (rule.boundTo) byUuid_[*rule.boundTo].push_back(&room);
        if (rule.vmIds)
            for (const auto id : *rule.vmIds) byVmId_[id].push_back(&room);
    }
}

void Hub::dropRoom(Room& room) {
    std::erase(wide_, &room);
    std::erase(batched_, &room);
    for (const auto& rule : room.subscription.rules()) {
        if (rule.boundTo) {
            const auto found = byUuid_.find(*rule.boundTo);
            if (found != byUuid_.end() && std::erase(found->second, &room) && found->second.empty())
                byUuid_.erase(found);
        }
        if (!rule.vmIds) continue;
        for (const auto id : *rule.vmIds) {
            const auto found = byVmId_.find(id);
            if (found != byVmId_.end() && std::erase(found->second, &room) && found->second.empty())
                byVmId_.erase(found);
        }
    }
    for (const bool withHistory : {false, true}) snapshots_.erase({&room, withHistory});
    const std::string key = room.key;
    rooms_.erase(key);
}

std::vector<proto::Frame> Hub::snapshotFor(const Member& member, proto::SnapshotReason reason,
                                           bool withHistory, const common::Now& now,
                                           const std::function<std::vector<proto::Frame>()>& take) {
    const std::pair<const Room*, bool> key{member.room, withHistory};
    const auto found = snapshots_.find(key);
    if (found != snapshots_.end() && found->second.reason == reason &&
        now.mono - found->second.takenAt < snapshotLasts)
        return found->second.frames;
    auto frames = take();
    if (member.room) snapshots_[key] = {reason, now.mono, frames};
    return frames;
}

std::optional<std::vector<proto::Frame>> Hub::replay(const proto::ResumePoint& from,
                                                     const Subscription& subscription,
                                                     const Principal& principal) const {
    auto all = replayPart(from, subscription, principal, std::numeric_limits<std::size_t>::max());
    if (!all) return std::nullopt;
    return std::move(all->frames);
}

std::optional<Hub::Missed> Hub::replayPart(const proto::ResumePoint& from,
                                           const Subscription& subscription,
                                           const Principal& principal,
                                           std::size_t mostBytes) const {
    if (from.epoch != epoch_) return std::nullopt;
    if (!log_.reaches(from.seq)) return std::nullopt;
    Missed missed{{}, from.seq};
    std::size_t bytes = 0;
    for (proto::Seq seq = from.seq + 1; seq <= log_.last(); ++seq) {
        const auto& entry = log_.at(seq);
        const Topic topic = entry.topic();
        const proto::Frame* frame = nullptr;
        if (subscription.wants(topic, serverId_) && mayHear(principal, topic))
            frame = &entry.frame;
        else if (lost(entry, principal) && subscription.covers(*entry.before, serverId_))
            frame = &entry.farewell;
        if (frame) {
            bytes += frame->size();
            if (bytes > mostBytes && !missed.frames.empty()) return missed;
            missed.frames.push_back(*frame);
        }
        missed.upTo = seq;
    }
    return missed;
}

}  // namespace rollo::core
