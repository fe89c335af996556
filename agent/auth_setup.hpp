// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/auth/token_verifier.hpp"
#include "agent/auth_files.hpp"
#include "agent/config.hpp"

namespace rollo::agent {

/// The verifier that the configuration asks for; its authFiles are read anew each time. All or
/// nothing: throws std::runtime_error, which names the key of the configuration and the file, where
/// one cannot be used. Any thread, as it touches nothing but files; may block.
auth::TokenVerifier makeVerifier(const AuthConfig& config);

}  // namespace rollo::agent
