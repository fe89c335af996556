// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "agent/auth/deny_list.hpp"
#include "agent/auth/key_set.hpp"
#include "agent/core/principal.hpp"
#include "common/clock.hpp"

namespace rollo::auth {

/// Why a token is not accepted.
enum class TokenError {
    tooLong,
    malformed,
    unsupportedHeader,
    unknownKey,
    badSignature,
    badClaims,
    expired,
    notYetValid,
    wrongIssuer,
    wrongAudience,
    tooLongLived,
    denied
};

/// For the log: fixed words, nothing of the token.
std::string_view describe(TokenError error);

struct VerifierSettings {
    std::optional<std::string> issuer;    ///< checked when set
    std::optional<std::string> audience;  ///< checked when set
    std::chrono::seconds leeway{5};       ///< how far clocks may differ, for `exp` and `nbf`
    std::chrono::seconds maxLifetime{10LL * 366 * 86'400};
};

/// Turns tokens (RFC 7519, compact JWS) into principals. Knows nothing of connections.
/// Any thread, as nothing changes after construction.
class TokenVerifier {
  public:
    TokenVerifier(KeySet keys, VerifierSettings settings, DenyList denied = {});

    /// Untrusted input. About 10 µs for HS256 and half a millisecond for RS256 and ES256: verify
    /// once for each connection.
    std::expected<core::Principal, TokenError> verify(std::string_view token,
                                                      const common::Now& now) const;

    const KeySet& keys() const { return keys_; }
    /// Of somebody who was let in before: whether that is over.
    bool denies(const core::Principal& principal) const { return denied_.denies(principal); }

  private:
    KeySet keys_;
    VerifierSettings settings_;
    DenyList denied_;
};

}  // namespace rollo::auth
