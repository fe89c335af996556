// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

#include "agent/core/principal.hpp"
#include "common/clock.hpp"
#include "proto/ids.hpp"

namespace rollo::server {

/// What a ticket is good for: to speak for its owner, at one endpoint.
struct Ticket {
    core::Principal owner;          ///< who asked for it, by a token
    std::string path;               ///< of the endpoint
    std::optional<proto::Uuid> vm;  ///< which VM the path named then
    bool readOnly = false;          ///< of a console: nothing is typed
};

/// The tickets that may still be used. Each names itself by 128 random bits and is good once, for
/// half a minute; only users have some.
/// Thread: main.
class Tickets {
  public:
    static constexpr std::chrono::seconds lifetime{30};

    /// What to show for it. Nothing where its owner has `mostPerUser` already, or all together too
    /// many.
    std::optional<std::string> issue(Ticket ticket, std::size_t mostPerUser, common::Monotonic now);
    /// The ticket that the text shows, which is none any more after that. Nothing: there is none
    /// (any more). Untrusted.
    std::optional<Ticket> redeem(const std::string& shown, common::Monotonic now);
    /// Forgets those that are too old. About once a second.
    void tick(common::Monotonic now);

    std::size_t size() const { return issued_.size(); }

  private:
    struct Issued {
        Ticket ticket;
        common::Monotonic end;
    };
    std::size_t of(const core::Principal& owner) const;

    /// Found by their hash, so that time tells nothing of how much of a guess is right.
    std::unordered_map<std::string, Issued> issued_;
};

}  // namespace rollo::server
