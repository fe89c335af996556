// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/auth/token_verifier.hpp"
#include "agent/config.hpp"

namespace rollo::agent {

/// The verifier that the configuration asks for; its files are read anew each time. All or nothing:
/// throws std::runtime_error, which names the key of the configuration and the file, where one
/// cannot be used. Any thread, as it touches nothing but files; may block.
auth::TokenVerifier makeVerifier(const AuthConfig& config);

/// The files and folders that makeVerifier reads now or would read if they were there: whenever one
/// of them changes, comes or goes, it has to be called again. Of a folder itself and what lies in
/// it. Any thread; may block.
std::vector<std::string> authFiles(const AuthConfig& config);

/// Where keys lie that no other setting names; empty: nowhere.
std::string keysFolder(const AuthConfig& config);
/// Where the deny list is; empty: nowhere.
std::string denyFile(const AuthConfig& config);

}  // namespace rollo::agent
