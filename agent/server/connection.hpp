// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/server/http_routes.hpp"
#include "agent/server/peer.hpp"
#include "agent/server/services.hpp"
#include "agent/server/session.hpp"

struct lws;

namespace rollo::server {

/// One accepted socket, from accept to close: HTTP exchanges first, then perhaps one session.
/// Thread: main.
class Connection {
  public:
    /// `place` is where its owner keeps it; `gone` is called when libwebsockets is done with the
    /// socket, and ends this object.
    Connection(Services& services, Peer peer, std::size_t place,
               std::function<void(Connection&)> gone)
        : services_(services), peer_(std::move(peer)), place_(place), gone_(std::move(gone)) {}
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    /// libwebsockets has not taken the socket. It may hold this object for a moment all the same,
    /// if a handshake failed at once, and says so when it lets go; else there is nobody who will.
    void abandon();
    bool isLost(const common::Now& now) const {
        return awaited_ == Awaited::end && now.mono >= deadline_;
    }
    /// The socket is libwebsockets' from now on.
    void begin(lws* socket);

    const Peer& peer() const { return peer_; }
    std::size_t place() const { return place_; }
    void move(std::size_t place) { place_ = place; }
    void destroyed(const common::Now& now);
    /// By TLS: libwebsockets begins a handshake on this socket.
    void awaitHandshake(int socket);

    /// Looks at an upgrade before it is granted. False: it has been refused with an HTTP status.
    bool confirmUpgrade(lws* socket, bool toWebSocket, const common::Now& now);
    void upgraded(lws* socket, const common::Now& now);
    Session* session() const { return session_.get(); }

    /// Takes a plain request; the answer leaves as the socket becomes writeable, if no body has to
    /// come first.
    void request(lws* socket, const common::Now& now);
    /// A piece of the body; nothing where none is waited for.
    void takeBody(std::string_view piece);
    void endBody(lws* socket, const common::Now& now);
    /// Once nothing is held back (any more).
    void beginReply(lws* socket);
    /// False when the connection has to be closed.
    bool writeReply(lws* socket);
    /// Looks whether the client takes too long. About once a second.
    void tick(const common::Now& now);

  private:
    /// What has to happen next, until `deadline_`. Nothing while a session has the socket.
    enum class Awaited { nothing, firstRequest, body, furtherRequest, takenReply, end };

    Request read(lws* socket) const;
    bool refuseUpgrade(lws* socket, Reply reply);
    /// Finds out who speaks, and whether its headers let it go on.
    std::optional<Refusal> look(Request& request, const common::Now& now);
    /// Counts in, until the connection ends, who comes through a proxy; or says why not.
    std::optional<Refused> join(const common::Now& now);
    bool takeRequest(const Peer& client, const common::Now& now);
    /// Nothing where the body has to come first.
    std::optional<Reply> replyToHead(Request& request, const common::Now& now);
    /// What goes with every answer is added.
    Reply finished(Reply reply, const Request& request, const common::Now& now);
    Reply tooFastReply(const Request& request, const common::Now& now);
    void awaitBody(lws* socket, Request request);
    void say(lws* socket, const Request& request, Reply reply);
    void await(Awaited awaited, std::chrono::seconds time);

    Services& services_;
    /// The neighbour, for whom each request says by itself whom it speaks for; of an upgrade, that
    /// one.
    Peer peer_;
    std::size_t place_;
    std::function<void(Connection&)> gone_;
    std::unique_ptr<Session::Handshake> handshake_;  ///< until the session has it
    Budget budget_;  ///< of requests and, later, the session's messages
    std::unique_ptr<Session> session_;
    std::unique_ptr<Request> unfinished_;  ///< whose body is still to come
    std::string reply_;
    std::size_t written_ = 0;  ///< of it
    bool joined_ = false;      ///< came through a proxy, and was counted in for its own address
    bool lastReply_ = false;
    bool errorsSpent_ = false;  ///< no further request is read
    lws* socket_ = nullptr;
    std::optional<int> handshakeOn_;  ///< a socket on which none has succeeded as far as is known
    Awaited awaited_ = Awaited::nothing;
    bool tooLate_ = false;  ///< which is counted already
    common::Monotonic deadline_{};
};

}  // namespace rollo::server
