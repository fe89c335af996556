// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/clock.hpp"

struct ssl_st;

namespace rollo::server {

/// A certificate for TLS, the chain behind it, and the key that belongs to it: read from PEM files
/// and checked, so that no handshake fails over it later.
class Certificate {
  public:
    struct Files {
        std::string certificate;  ///< the server's own first, then the chain
        std::string key;          ///< not encrypted, and nothing that others may read

        bool operator==(const Files&) const = default;
    };

    /// Throws std::runtime_error, which names the file and what is wrong with it.
    static Certificate load(const Files& files);
    Certificate(Certificate&&) noexcept;
    Certificate& operator=(Certificate&&) noexcept;
    ~Certificate();

    /// For the log: its subject and its last day.
    const std::string& description() const { return description_; }
    /// What clients will object to: it has ended, or has not begun yet.
    std::optional<std::string> complaint(common::WallClock now) const;

    /// Gives it to one handshake, which has no other; false where OpenSSL does not take it.
    bool offer(ssl_st* handshake) const;

  private:
    struct Pair;
    explicit Certificate(std::unique_ptr<Pair> pair);

    std::unique_ptr<Pair> pair_;
    std::string description_;
};

}  // namespace rollo::server
