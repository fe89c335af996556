// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string_view>

#include "agent/server/loop.hpp"
#include "common/clock.hpp"
#include "common/unique_fd.hpp"

namespace rollo::server {

/// Connections that were refused and are on their way out. Closing one while its request arrives
/// would reset it, and the client might never read why; so what it still sends is swallowed for a
/// moment.
/// Thread: main.
class TurnedAway {
  public:
    explicit TurnedAway(Loop& loop) : loop_(loop) {}

    /// Takes the socket. `reply` is sent as far as it takes it at once; empty: closed without one.
    void add(common::UniqueFd socket, std::string_view reply, common::Monotonic now);
    /// Closes those that stay too long. About once a second.
    void tick(common::Monotonic now);
    void clear() { leaving_.clear(); }

  private:
    struct Leaving {
        common::UniqueFd socket;
        common::Monotonic deadline;
        std::size_t swallowed = 0;
        std::unique_ptr<Loop::Watch> watch{};  ///< ends before the socket
    };

    void swallow(std::list<Leaving>::iterator leaving);

    Loop& loop_;
    std::list<Leaving> leaving_;
};

}  // namespace rollo::server
