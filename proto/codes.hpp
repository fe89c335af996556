// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace rollo::proto {

/// WebSocket close codes (RFC 6455 §7.4; 4000 and above are ours). PROTOCOL.md says what a client
/// should do about each.
enum class CloseCode : std::uint16_t {
    normal = 1000,
    goingAway = 1001,
    unsupportedData = 1003,
    invalidPayload = 1007,
    tooLarge = 1009,
    unauthorized = 4001,
    forbidden = 4003,
    notFound = 4004,
    abuse = 4008,
    migrated = 4009,
    tooSlow = 4013,
    noPong = 4014,
};

/// Why the agent ends a connection, as `goodbye` says it, with the close code that follows.
struct Farewell {
    CloseCode code;
    std::string_view word;
};

namespace farewell {
inline constexpr Farewell shuttingDown{CloseCode::goingAway, "shutting_down"};
inline constexpr Farewell binaryNotAllowed{CloseCode::unsupportedData, "binary_not_allowed"};
inline constexpr Farewell notUtf8{CloseCode::invalidPayload, "not_utf8"};
inline constexpr Farewell messageTooLarge{CloseCode::tooLarge, "message_too_large"};
inline constexpr Farewell tokenMissing{CloseCode::unauthorized, "token_missing"};
inline constexpr Farewell tokenInvalid{CloseCode::unauthorized, "token_invalid"};
inline constexpr Farewell tokenExpired{CloseCode::unauthorized, "token_expired"};
inline constexpr Farewell accessRevoked{CloseCode::unauthorized, "access_revoked"};
inline constexpr Farewell permissionDenied{CloseCode::forbidden, "permission_denied"};
inline constexpr Farewell notFound{CloseCode::notFound, "not_found"};
inline constexpr Farewell consolesDisabled{CloseCode::forbidden, "consoles_disabled"};
inline constexpr Farewell migrated{CloseCode::migrated, "migrated"};
inline constexpr Farewell rateLimited{CloseCode::abuse, "rate_limited"};
inline constexpr Farewell tooManyErrors{CloseCode::abuse, "too_many_errors"};
inline constexpr Farewell tooManyConnections{CloseCode::abuse, "too_many_connections"};
inline constexpr Farewell tooManyConsoles{CloseCode::abuse, "too_many_consoles"};
inline constexpr Farewell tooSlow{CloseCode::tooSlow, "too_slow"};
inline constexpr Farewell noPong{CloseCode::noPong, "no_pong"};
}  // namespace farewell

}  // namespace rollo::proto
