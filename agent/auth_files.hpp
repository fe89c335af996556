// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config.hpp"

/// Where keys and deny list lie. Any thread; may block.
namespace rollo::agent {

/// The files and folders that makeVerifier reads now or would read if they were there: whenever one
/// of them changes, comes or goes, it has to be called again. Folders themselves, and what lies in
/// them.
std::vector<std::string> authFiles(const AuthConfig& config);

/// Whether there is any key, good or bad.
bool hasKeys(const AuthConfig& config);

/// Where keys lie that no other setting names; empty: nowhere.
std::string keysFolder(const AuthConfig& config);
/// Where the deny list is; empty: nowhere.
std::string denyFile(const AuthConfig& config);

}  // namespace rollo::agent
