// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "agent/auth/key_set.hpp"

/// Keys as files, one in each. Everything here may block.
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
/// files and what editors leave behind (`x~`, `#x#`).
std::expected<std::vector<std::string>, std::error_code> filesInKeysFolder(
    const std::string& folder);

/// Adds the key of a file that is named as above. A secret is the file's bytes without one line
/// break at the end. Throws std::runtime_error, which says what is wrong with which file and
/// nothing of what is in it: where the name says nothing, the file cannot be read, others may read
/// a secret or write a public key, or KeySet::add refuses the key.
void addKeyFile(KeySet& keys, const std::string& path);
/// The same, of a file with any name.
void addKeyFile(KeySet& keys, const std::string& path, const KeyName& name);

}  // namespace rollo::auth
