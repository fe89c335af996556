// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
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
    std::string file;                ///< where it comes from, for messages
    /// When its file was written last; empty: it stands in a set of somebody else's, who alone
    /// signs with it.
    std::optional<std::filesystem::file_time_type> written;
};

/// The keys that tokens may be signed with.
class KeySet {
  public:
    /// Throws std::runtime_error, which says nothing of the material, for a weak secret (RFC 7518
    /// §3.2: at least as many bytes as the hash has), for a public key that readPublicKey refuses,
    /// for a `kid` that is empty, over 256 bytes long, not UTF-8 or has control characters, where
    /// another key has that algorithm and `kid` already, and for more than 256 keys.
    void add(Key key);
    /// Notes a key that is passed over: one sentence, which names the file.
    void leaveOut(std::string remark) { leftOut_.push_back(std::move(remark)); }

    /// The one key that a token with that header is to be checked with; null if there is none.
    /// Both have to match exactly.
    const Key* find(std::string_view algorithm, std::optional<std::string_view> kid) const;
    const std::vector<Key>& keys() const { return keys_; }
    /// What was passed over and why, for whoever reads the log.
    const std::vector<std::string>& leftOut() const { return leftOut_; }

  private:
    std::vector<Key> keys_;
    std::vector<std::string> leftOut_;
};

}  // namespace rollo::auth
