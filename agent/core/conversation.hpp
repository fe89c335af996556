// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "agent/core/host_state.hpp"
#include "agent/core/hub.hpp"
#include "agent/core/principal.hpp"
#include "agent/core/subscriber.hpp"
#include "common/clock.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

/// Something that outlives whoever is given it: no temporary.
template <class T>
using Lasting = std::reference_wrapper<const T>;

/// What a WebSocket is opened for, whatever its endpoint: somebody who was let in, is told who that
/// is, may renew the token, and is shown out when it expires. The endpoints differ in what they say
/// beyond that: Client (events), ConsoleViewer and
/// StatsViewer.
/// Thread: main.
class Conversation {
  public:
    /// What the server holds its clients to; of one server, for all of them.
    struct Terms {
        std::size_t maxRules = 64;
        std::size_t maxIds = 20000;  ///< in all rules of one connection together
        std::size_t maxMessageBytes = 65536;
        std::int64_t messagesPerSecond = 50, bytesPerSecond = 262'144, errorsPerMinute = 60;
        std::chrono::seconds heartbeat{30};
    };

    virtual ~Conversation() = default;
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    const Principal& principal() const { return principal_; }
    /// Why it may not be here; nothing if it may.
    virtual std::optional<proto::Farewell> refusal() const = 0;
    /// Whether its user has as many of these as one may have, without this one.
    virtual bool isOneTooMany() const { return false; }
    /// Says `connection_status`, then what the endpoint and the query ask for.
    void open(const common::Now& now);
    virtual void handle(const proto::ClientMessage& message, const common::Now& now) = 0;
    /// A binary message. False: there must be none here.
    virtual bool handleBytes(std::string_view bytes, const common::Now& now);
    /// Takes a new token's principal; false, and told so, where it is somebody else's.
    bool renew(Principal principal, const common::Now& now);
    /// Warns of a token that ends soon, ends with it. About once a second.
    virtual void tick(const common::Now& now);
    /// Something that was queued for it has left.
    virtual void drained(const common::Now&) {}
    /// How `room_stats` counts it.
    virtual std::string room() const = 0;

  protected:
    /// What is not moved in outlives this.
    Conversation(std::string connectionId, Principal principal, Lasting<Terms> terms,
                 const Hub& hub, const HostState& state, Subscriber& subscriber);

    virtual void begin(const common::Now& now) = 0;
    /// The principal is another one; it may still be here.
    virtual void rightsChanged(const Principal& before, const common::Now& now) = 0;

    void say(const proto::AgentMessage& message, const common::Now& now);
    void refuse(proto::ErrorCode code, std::string message, std::string_view type,
                const common::Now& now);
    void answerPing(const common::Now& now);
    const Terms& terms() const { return terms_; }
    const HostState& state() const { return state_; }
    Subscriber& subscriber() { return subscriber_; }
    const std::string& connectionId() const { return connectionId_; }

  private:
    void sayWhoYouAre(const common::Now& now);

    std::string connectionId_;
    Principal principal_;
    const Terms& terms_;
    const Hub& hub_;
    const HostState& state_;
    Subscriber& subscriber_;
    bool warnedOfExpiry_ = false;
};

}  // namespace rollo::core
