// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/auth/algorithm.hpp"

namespace rollo::auth {

/// One key, for one algorithm alone: a token that names another one with the same key is not ours.
struct Key {
    Algorithm algorithm = Algorithm::hs256;
    std::optional<std::string> kid;  ///< empty: for the tokens without a `kid`
    std::string material;            ///< HS: the secret's bytes; RS and ES: the PEM of a public key
};

/// The keys that tokens may be signed with.
class KeySet {
  public:
    /// Throws std::runtime_error for a weak secret (RFC 7518 §3.2: at least as many bytes as the
    /// hash has), for a public key that readPublicKey refuses, and where another key has that
    /// algorithm and `kid` already.
    void add(Key key);

    /// The one key that a token with that header is to be checked with; null if there is none.
    /// Both have to match exactly.
    const Key* find(std::string_view algorithm, std::optional<std::string_view> kid) const;
    const std::vector<Key>& keys() const { return keys_; }

  private:
    std::vector<Key> keys_;
};

/// The key of `[auth] hs256_secret_file`: the file's bytes without one line break at the end.
/// Throws std::runtime_error, which says what is wrong with which file, where it cannot be read,
/// others may read it, or its secret is weak or no secret at all.
Key readHs256SecretFile(const std::string& path);

}  // namespace rollo::auth
