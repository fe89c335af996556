// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/conversation.hpp"
#include "agent/core/endpoint.hpp"
#include "agent/core/host_state.hpp"
#include "agent/core/hub.hpp"
#include "agent/core/principal.hpp"
#include "agent/core/subscriber.hpp"
#include "agent/core/subscription.hpp"
#include "common/clock.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

/// One client of the event endpoints: what it may see, what it asked for, and what it has been
/// told. Everything it says is answered in the turn in which it arrives, so that between the
/// confirmation, the snapshot or the replay, and what is live nothing is lost, doubled or
/// reordered. Thread: main.
class Client final : public Conversation {
  public:
    struct Opening {
        EventEndpoint endpoint;
        std::string connectionId;
        /// From the query: a subscription that needs no message.
        std::optional<proto::Subscribe> subscribe;
        std::optional<proto::ResumePoint> resume;
        bool snapshot = true;
        bool history = false;
    };
    Client(Opening opening, Principal principal, Lasting<Terms> terms, Hub& hub,
           const HostState& state, Subscriber& subscriber);
    ~Client() override;

    std::optional<proto::Farewell> refusal() const override {
        return endpoint_.refusal(state(), principal());
    }
    void handle(const proto::ClientMessage& message, const common::Now& now) override;
    /// Ends the wait for a first subscription as well.
    void tick(const common::Now& now) override;
    std::string room() const override { return endpoint_.room(state()); }

  private:
    void begin(const common::Now& now) override;
    void rightsChanged(const Principal& before, const common::Now& now) override;
    void on(const proto::Subscribe& message, const common::Now& now);
    void on(const proto::Unsubscribe& message, const common::Now& now);
    void on(const proto::Ping& message, const common::Now& now);
    void on(const proto::Authenticate& message, const common::Now& now);
    /// Everything else is about consoles.
    template <class ConsoleMessage>
    void on(const ConsoleMessage& message, const common::Now& now);

    void openByQuery(const Opening& opening, const common::Now& now);
    bool fits(const Subscription& subscription) const;
    /// False, and nothing is changed, where the rules would be too many.
    bool addRule(const proto::Filter& filter, const std::optional<std::string>& id, bool include,
                 std::vector<std::string>& refused);
    void join();
    void goLive(const common::Now& now, bool withSnapshot, proto::SnapshotReason reason);
    void resumeFrom(const proto::ResumePoint& from, const common::Now& now);
    void confirm(std::optional<std::string> id, std::vector<std::string> refused,
                 const proto::Filter& asked, const common::Now& now);
    void sendSnapshot(proto::SnapshotReason reason, const Subscription* told,
                      const common::Now& now);
    void tellOfLostVms(const Principal& before, const common::Now& now);
    /// A resume that waits for the rules that it is about.
    struct Waiting {
        proto::ResumePoint resume;
        common::Monotonic since;
    };

    std::unique_ptr<Opening>
        opening_;  ///< until it is opened: there are many clients, and it is large
    Hub& hub_;
    OpenedEndpoint endpoint_;
    Hub::Member member_;
    Subscription subscription_;
    /// What its snapshots have covered; a later one brings only what is new.
    Subscription told_;
    std::unique_ptr<Waiting> waiting_;
    bool history_ = false;  ///< its snapshots bring it
};

}  // namespace rollo::core
