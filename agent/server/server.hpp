// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/server/connection.hpp"
#include "agent/server/listener.hpp"
#include "agent/server/loop.hpp"
#include "agent/server/services.hpp"
#include "agent/server/tls.hpp"
#include "agent/server/turned_away.hpp"

struct lws_context;
struct lws_vhost;

namespace rollo::server {

/// The clients' side: listens, and carries HTTP and WebSockets by libwebsockets on the program's
/// loop.
/// Thread: main.
class Server {
  public:
    /// `certificate`: needed where an address has TLS. Throws where libwebsockets or its libuv part
    /// cannot be had.
    Server(Settings settings, Loop& loop, core::Hub& hub, const core::HostState& state,
           core::Consoles& consoles, auth::TokenVerifier verifier,
           std::optional<TlsFiles> tls = std::nullopt);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Throws std::system_error, which names the address, where one cannot be listened to.
    void listen();
    /// What can change while clients are connected.
    void reconfigure(const Settings& settings);
    /// For tokens from now on; who is here stays.
    void use(auth::TokenVerifier verifier);
    /// For new connections by TLS.
    void use(TlsFiles files);
    /// Ends the WebSockets of all who were let in and may not be here any more, at once: what waits
    /// for them is dropped.
    void endRevoked();
    void tick(const common::Now& now);
    /// While held nothing leaves, and all that is told waits: for moments, not longer.
    void hold(bool held) { services_.held = held; }
    /// Sends what waits. True: there is more, for after a look at the loop's input.
    bool flush();
    /// Stops listening and says goodbye to everybody.
    void stop();
    std::size_t connections() const { return connections_.size(); }
    const Counters& counters() const { return services_.counters; }
    /// What `/metrics` answers.
    void onMetrics(std::function<std::string()> text) { services_.metricsText = std::move(text); }
    /// Who takes what other programs publish. Before `listen`; outlives this.
    void publishBy(core::Publications& publications) { services_.publications = &publications; }

    /// Adds to `websocket_stats` what only the program knows.
    void onStats(std::function<void(proto::WebsocketStats&, const common::Now&)> more);

    struct Figures {
        std::size_t connections = 0;   ///< sockets that are open
        std::size_t sessions = 0;      ///< WebSockets among them
        std::size_t waitingBytes = 0;  ///< of all queues together, shared frames counted each time
        std::uint64_t conflated = 0;   ///< messages that a later one replaced
    };
    /// Looks at every connection.
    Figures figures() const;

  private:
    void createHost(bool tls);
    void listenAt(const ListenAddress& address, bool publisher);
    bool isProxy(const ListenAddress& listener, const std::optional<Address>& peer) const;
    void accept(int fd, Peer peer);
    void adopt(int fd, Peer peer);
    void noDescriptor();
    void forget(Connection& connection);
    void shed();

    Services services_;
    Loop& loop_;
    TurnedAway turnedAway_;
    lws_context* context_ = nullptr;
    std::unique_ptr<Tls> tls_;  ///< outlives the context
    lws_vhost* plainHost_ = nullptr;
    lws_vhost* tlsHost_ = nullptr;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::vector<std::unique_ptr<Connection>> connections_;
};

}  // namespace rollo::server
