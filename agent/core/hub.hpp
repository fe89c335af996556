// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/core/principal.hpp"
#include "agent/core/replay_log.hpp"
#include "agent/core/subscriber.hpp"
#include "agent/core/subscription.hpp"
#include "common/clock.hpp"
#include "proto/events.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

/// Gives every ordered event its number, encodes it once, keeps it for those who come back, and
/// hands the one frame to everybody who asked for it and may see it.
///
/// Members with the same rules and the same rights share a room, so that a filter is looked at once
/// for all of them; a room that names its VMs is found through these VMs, so that an event costs
/// nothing for those who did not ask for it.
class Hub {
  public:
    struct Settings {
        std::size_t replayEntries = 4096;
        std::size_t replayBytes = 16u << 20;
    };
    struct Room;

    /// A place in the hub. Its owner keeps it at one address and leaves before it goes.
    struct Member {
        explicit Member(Subscriber& to) : subscriber(to) {}
        Subscriber& subscriber;
        Room* room = nullptr;
        std::size_t index = 0;
        proto::Seq joinedAt = 0;  ///< the hub's `seq` then
        bool heardOrdered =
            false;  ///< a `seq` has been sent to it, by its owner or in a former room
    };

    explicit Hub(std::string epoch);
    Hub(std::string epoch, Settings settings);
    ~Hub();

    void setServerId(std::optional<proto::ServerId> id);
    std::optional<proto::ServerId> serverId() const { return serverId_; }
    const std::string& epoch() const { return epoch_; }
    /// The number of the last ordered event.
    proto::Seq seq() const { return seq_; }

    void publish(const proto::Event& event, const common::Now& now);
    /// Calls it with every ordered event, after clients were told. One.
    void onOrdered(std::function<void(const proto::Event&, const common::Now&)> follow) {
        follow_ = std::move(follow);
    }

    /// While one exists, conflatable events wait; when it ends, they leave together. A sample of
    /// all guests then passes every connection once, and not once for each guest: of thousands,
    /// each is a place in memory that is in no cache. Ordered events do not wait.
    class Batch {
      public:
        explicit Batch(Hub& hub) : hub_(hub) { hub_.batching_ = true; }
        ~Batch() {
            hub_.batching_ = false;
            hub_.deliverLatest();
        }
        Batch(const Batch&) = delete;
        Batch& operator=(const Batch&) = delete;

      private:
        Hub& hub_;
    };

    /// Puts the member into the room of these rules and rights; out of the one where it was.
    void join(Member& member, const Subscription& subscription, const Principal& principal);
    void leave(Member& member);
    /// True if some `seq` has been sent to it.
    bool hasHeardOrdered(const Member& member) const;
    /// The rules of the room where it is: the same as its own, but for their names.
    const Subscription& rules(const Member& member) const;

    /// What that person missed after `seq`, as it was sent; nothing where part of it is gone.
    std::optional<std::vector<proto::Frame>> replay(const proto::ResumePoint& from,
                                                    const Subscription& subscription,
                                                    const Principal& principal) const;

    struct Missed {
        std::vector<proto::Frame> frames;
        proto::Seq upTo = 0;  ///< what came after that is not looked at
    };
    /// The same in parts, each as long as its frames have no more than `mostBytes`, or of one.
    std::optional<Missed> replayPart(const proto::ResumePoint& from,
                                     const Subscription& subscription, const Principal& principal,
                                     std::size_t mostBytes) const;

    /// What `take` makes for that member, or what it made a moment ago for another of the same
    /// room, if nothing has changed since: many come at once after a restart, and ask for the same.
    /// `withHistory` tells apart what two of one room may have asked for.
    std::vector<proto::Frame> snapshotFor(const Member& member, proto::SnapshotReason reason,
                                          bool withHistory, const common::Now& now,
                                          const std::function<std::vector<proto::Frame>()>& take);
    /// The state has changed without an event.
    void forgetSnapshots() { snapshots_.clear(); }

    std::uint64_t delivered() const { return delivered_; }
    std::size_t rooms() const { return rooms_.size(); }

  private:
    void deliver(Room& room, const Topic& topic, const ReplayLog::Entry& entry);
    template <class Visit>
    void forEachRoom(const Topic& topic, Visit visit);
    void publishOrdered(const proto::Event& event, const Topic& topic, const common::Now& now);
    void takeBack(Room& room, std::uint64_t key);
    void publishLatest(const proto::Event& event, const Topic& topic, const common::Now& now);
    void deliverLatest();
    void index(Room& room);
    void dropRoom(Room& room);

    std::function<void(const proto::Event&, const common::Now&)> follow_;
    std::string epoch_;
    proto::Seq seq_ = 0;
    std::optional<proto::ServerId> serverId_;
    ReplayLog log_;
    std::unordered_map<std::string, std::unique_ptr<Room>> rooms_;
    std::vector<Room*> wide_;  ///< may match any VM, or the server
    std::unordered_map<proto::VmId, std::vector<Room*>> byVmId_;
    std::unordered_map<proto::Uuid, std::vector<Room*>> byUuid_;
    struct SharedSnapshot {
        proto::SnapshotReason reason;
        common::Monotonic takenAt;
        std::vector<proto::Frame> frames;
    };
    /// By the room, and whether the history is in it.
    std::map<std::pair<const Room*, bool>, SharedSnapshot> snapshots_;
    bool batching_ = false;
    std::vector<Room*> batched_;  ///< for which conflatable events wait
    std::uint64_t visit_ = 0;
    std::uint64_t delivered_ = 0;
};

/// What a principal may be told of: permissions are looked at again at every delivery.
bool mayHear(const Principal& principal, const Topic& topic);

}  // namespace rollo::core
