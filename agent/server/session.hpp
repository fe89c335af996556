// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/core/client.hpp"
#include "agent/core/subscriber.hpp"
#include "agent/server/budget.hpp"
#include "agent/server/send_queue.hpp"
#include "agent/server/services.hpp"
#include "common/clock.hpp"

struct lws;

namespace rollo::server {

/// One WebSocket: joins what arrives into messages, and sends what waits in as few calls as the
/// socket allows. What the messages mean is the core's business.
/// Owned by its Connection. Thread: main.
class Session final : public core::Subscriber {
  public:
    struct Handshake {
        core::Client::Opening opening;
        /// Nobody: the token is bad or missing, or comes with the first message.
        std::optional<core::Principal> principal;
        bool authByMessage = false;
        bool tokenGiven = false;
        std::string path;
        std::string peer;
    };

    /// `budget`: what the connection may send; outlives this.
    Session(lws* socket, Services& services, Budget& budget, std::unique_ptr<Handshake> handshake);
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
    std::size_t waitingBytes() const { return queue_.allBytes(); }
    /// Drops what waits and closes: the client does not take what it is owed.
    void giveUp();
    bool closing() const { return closing_ || dead_; }

    // core::Subscriber
    void send(const proto::Frame& frame) override;
    void refuse(const proto::Error& error, const common::Now& now) override;
    void sendLatest(std::uint64_t key, const proto::Frame& frame) override;
    void sendBacklog(std::vector<proto::Frame> frames) override;
    void close(const proto::Farewell& farewell) override;

  private:
    void handle(std::string_view text, const common::Now& now);
    void authenticate(const proto::Authenticate& message, const common::Now& now);
    void begin(core::Principal principal, const common::Now& now);
    bool mayHear(std::size_t bytes, const common::Now& now);
    void closeForAbuse(Refused reason, const proto::Farewell& farewell, const common::Now& now);
    void close(const proto::Farewell& farewell, std::chrono::milliseconds wait);
    bool transmit(std::string_view bytes);
    bool transmitPlain(std::string_view bytes);
    void hang(std::string_view reason);
    void markDirty();
    void read(bool on);
    void settle();
    void reportLag(const common::Now& now);
    void lookAtBytes(const common::Now& now);
    void traceOut(const proto::Frame& frame) const;

    lws* socket_;
    Services& services_;
    Budget& budget_;
    struct Closing {
        proto::Farewell farewell;
        common::Monotonic deadline;
    };
    // What every message needs stands side by side: of thousands of sessions, little is in a cache.
    std::unique_ptr<Closing> closing_;
    bool dirty_ = false;
    bool dead_ = false;
    bool reading_ = true;
    bool messageBinary_ = false;
    SendQueue queue_;

    std::unique_ptr<Handshake> handshake_;  ///< until the client is there
    std::string path_;
    std::string peer_;
    std::string connectionId_;
    std::optional<core::Client> client_;
    std::string message_;
    unsigned peerCode_ = 0;
    common::Monotonic opened_;
    common::Monotonic lastHeard_;
    common::Monotonic lastPing_;
    common::Monotonic lastLag_{};
    common::Monotonic lastLook_{};
    std::uint64_t receivedBytes_ = 0;  ///< at the last look
    common::Monotonic lastRest_{};
    std::uint64_t reportedConflated_ = 0;
};

}  // namespace rollo::server
