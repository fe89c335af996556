// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/auth/token_verifier.hpp"
#include "agent/config.hpp"

namespace rollo::agent {

/// The verifier that the configuration asks for; its files are read anew each time.
/// Throws std::runtime_error, which names the key and the file, where one cannot be used.
auth::TokenVerifier makeVerifier(const AuthConfig& config);

}  // namespace rollo::agent
