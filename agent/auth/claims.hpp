// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>

#include "agent/auth/token_verifier.hpp"
#include "agent/core/principal.hpp"
#include "common/clock.hpp"
#include "common/json_reader.hpp"

namespace rollo::auth {

/// What the claims of a token (RFC 7519 §4) whose signature holds say about who has it:
/// PROTOCOL.md, "Who is asking". A claim of a wrong type is an error, never taken for an absent
/// one.
std::expected<core::Principal, TokenError> principalOf(const common::Json& claims,
                                                       const VerifierSettings& settings,
                                                       common::WallClock now);

}  // namespace rollo::auth
