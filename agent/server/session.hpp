// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/core/conversation.hpp"
#include "agent/core/subscriber.hpp"
#include "agent/server/budget.hpp"
#include "agent/server/heartbeat.hpp"
#include "agent/server/identity.hpp"
#include "agent/server/inbox.hpp"
#include "agent/server/opening.hpp"
#include "agent/server/outbox.hpp"
#include "agent/server/services.hpp"
#include "common/clock.hpp"

struct lws;

namespace rollo::server {

/// One WebSocket: who it is, what it says to the core and the core to it, and how it ends. What
/// the messages mean is the core's business. What arrives is in session.cpp, what leaves in
/// session_sending.cpp.
/// Owned by its Connection. Thread: main.
class Session final : public core::Subscriber {
  public:
    struct Handshake {
        Opening opening;
        Identity identity;
        bool authByMessage = false;  ///< who it is will come with the first message
        std::string path;
    };

    /// `budget`: what the connection may send. It and `peer` outlive this.
    Session(lws* socket, Services& services, const Peer& peer, Budget& budget,
            std::unique_ptr<Handshake> handshake);
    ~Session() override;
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void open(const common::Now& now);
    /// A piece of a message (RFC 6455 §5.4), `last` with its end.
    void receive(std::string_view piece, bool binary, bool last, const common::Now& now);
    void heardPong(std::size_t bytes, const common::Now& now);
    /// The peer's closing frame. True if it answers ours, so that the connection is at its end.
    bool peerCloses(unsigned code);

    /// Sends what waits, as far as the socket takes it.
    void flush();
    /// The socket takes more again after it was full.
    void writeable();
    /// Heartbeat, deadlines, and the news for a slow client. About once a second.
    void tick(const common::Now& now);

    /// Bytes of all that waits here; looks at each message.
    std::size_t waitingBytes() const { return outbox_.queue().allBytes(); }
    const std::string& path() const { return path_; }
    /// How `room_stats` counts it; nothing until it is known who it is.
    std::optional<std::string> room() const;
    /// Messages that a later one replaced.
    std::uint64_t conflated() const { return outbox_.queue().conflated(); }
    /// Drops what waits and closes: the client does not take what it is owed.
    void giveUp();
    /// The same for somebody who may not be here any more; false for everybody else.
    bool endIfRevoked();
    bool closing() const { return closing_ || dead_; }

    // core::Subscriber
    void send(const proto::Frame& frame) override;
    void tell(const proto::Error& error, const common::Now& now) override;
    void refuse(const proto::Error& error, const common::Now& now) override;
    void sendLatest(std::uint64_t key, const proto::Frame& frame) override;
    void dropLatest(std::uint64_t key) override { outbox_.queue().dropLatest(key); }
    void sendBacklog(std::vector<proto::Frame> frames) override;
    void sendOutput(const proto::Frame& frame) override;
    std::size_t outputWaiting() const override { return outbox_.queue().outputBytes(); }
    void listen(bool on) override;
    void close(const proto::Farewell& farewell) override;

  private:
    void begin(core::Principal principal, const common::Now& now);
    /// False: its user has as many connections as one may have, and this one is closed.
    bool takeSeat(const core::Principal& principal, const common::Now& now);
    void handleText(std::string_view text, const common::Now& now);
    void authenticate(const proto::Authenticate& message, const common::Now& now);
    void refuseToken(const Identity& nobody, const common::Now& now);
    void endWithoutToken(Refused reason, const common::Now& now);
    void refuseToHear(Inbox::Trouble trouble, const common::Now& now);
    void closeForAbuse(Refused reason, const proto::Farewell& farewell, const common::Now& now);
    void close(const proto::Farewell& farewell, std::chrono::milliseconds wait);
    void hang(std::string_view reason);
    void markDirty();
    void leave();
    void readAsWanted();
    void trace(const proto::Frame& frame) const;
    void lookAtHeartbeat(const common::Now& now);
    void lookAtLine();

    lws* socket_;
    Services& services_;
    Budget& budget_;
    struct Closing {
        proto::Farewell farewell;
        common::Monotonic deadline;
    };
    // What every message needs stands side by side: of thousands of sessions, little is in a cache.
    std::unique_ptr<Closing> closing_;
    bool dirty_ = false;  ///< stands in `services_.dirty`
    bool dead_ = false;
    bool reading_ = true;
    bool listening_ = true;      ///< the core wants to hear it
    bool backlogWaits_ = false;  ///< who asks and does not read would make them pile up
    Outbox outbox_;
    Inbox inbox_;

    std::unique_ptr<Handshake> handshake_;  ///< until the conversation has begun
    std::string path_;
    const Peer& peer_;
    std::string connectionId_;
    std::unique_ptr<core::Conversation> conversation_;
    std::optional<UserSeats::Seat> seat_;  ///< while it is somebody's, and not being closed
    unsigned peerCode_ = 0;
    common::Monotonic opened_;
    Heartbeat heartbeat_;
};

}  // namespace rollo::server
