// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/auth/key_set.hpp"

namespace rollo::auth {

/// What the name of a key file says of the key: `[KID.]ALG.secret` (HS) or `[KID.]ALG.pem` (RS and
/// ES, a public key), such as `hs256.secret` or `2026-11.es256.pem`.
struct KeyName {
    Algorithm algorithm = Algorithm::hs256;
    std::optional<std::string> kid;
};

/// Nothing where the name, without its folder, is not of that form.
std::optional<KeyName> parseKeyName(std::string_view name);
/// The name of a secret's file.
std::string secretFileName(const KeyName& name);

/// What lies in a folder of keys, with its path, in order of name: whatever it is, except hidden
/// files and what editors leave behind (`x~`, `#x#`). Throws std::runtime_error, which names the
/// folder, where it cannot be looked at. May block.
std::vector<std::string> filesInKeysFolder(const std::string& folder);

}  // namespace rollo::auth
