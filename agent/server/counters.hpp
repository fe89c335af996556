// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include "proto/messages.hpp"
#include "proto/websocket_stats.hpp"

namespace rollo::server {

/// Why something was not granted to a client.
enum class Refused {
    host,                   ///< Host is not one of `allowed_hosts`
    origin,                 ///< Origin is not one of `allowed_origins`
    token,                  ///< missing where one is needed, or not valid
    connections,            ///< `max_connections`
    connectionsPerAddress,  ///< `max_connections_per_address`
    connectionRate,         ///< `new_connections_per_second`
    descriptors,            ///< the process has no file descriptor left
    requestTime,            ///< no whole request in `request_seconds`, or no TLS handshake
    responseTime,           ///< an answer was not taken in `response_seconds`
    messageRate,            ///< a message was not looked at: `messages_per_second`
    byteRate,               ///< `bytes_per_second`
    errors,                 ///< `errors_per_minute`
    publishRate,            ///< `[publish] events_per_second`
    authTime,               ///< no token as the first message in `auth_seconds`
    tlsHandshake,           ///< a TLS handshake that failed
    tokenRate,              ///< a token was not looked at: `[auth] failures_per_minute`
    connectionsPerUser,     ///< `max_connections_per_user`
    consolesPerUser,        ///< `[console] max_per_user`
    tickets,                ///< `[auth] max_tickets_per_user`
    forwarded,              ///< a trusted proxy's X-Forwarded-For or -Proto is malformed
};
inline constexpr std::size_t refusalReasons = static_cast<std::size_t>(Refused::forwarded) + 1;

/// The reason in one word with underscores, for metrics.
std::string_view word(Refused reason);

/// What has happened since the start.
struct Counters {
    std::uint64_t accepted = 0;   ///< connections handed to libwebsockets
    std::uint64_t published = 0;  ///< events of other programs that were told
    std::array<std::uint64_t, refusalReasons> refused{};
    std::map<std::uint16_t, std::uint64_t> closed;  ///< WebSockets that the agent closed, by code
    std::array<std::uint64_t, proto::errorCodes> errors{};  ///< told to clients, by code
    proto::Traffic sent;                                    ///< handed to the sockets of WebSockets
    proto::Traffic received;      ///< of WebSockets, whatever became of it
    std::uint64_t conflated = 0;  ///< by sessions that have ended
    std::uint64_t shed = 0;       ///< clients dropped because all queues together were too long

    void count(proto::ErrorCode code) { ++errors[static_cast<std::size_t>(code)]; }
    std::uint64_t of(Refused reason) const { return refused[static_cast<std::size_t>(reason)]; }
};

}  // namespace rollo::server
