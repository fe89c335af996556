// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/server/listen_address.hpp"
#include "agent/server/loop.hpp"

namespace rollo::server {

/// A socket that listens. It accepts by itself and hands over what it accepted, so that every limit
/// is looked at before libwebsockets spends anything on a connection.
/// Thread: main.
class Listener {
  public:
    /// Takes a connected, non-blocking descriptor, which is its own from then on.
    using Accepted = std::function<void(int fd, const sockaddr_storage& peer)>;

    /// The process has no descriptor for a connection, which was closed.
    using Exhausted = std::function<void()>;

    /// Binds and listens. Throws std::system_error that names the address. A UNIX socket that
    /// nobody listens to any more is replaced; its file gets the mode 0660.
    Listener(Loop& loop, const ListenAddress& address, Accepted accepted, Exhausted exhausted);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    /// The address in force: with the port that the kernel chose where 0 was asked for.
    std::string text() const;

  private:
    void accept();

    ListenAddress address_;
    Accepted accepted_;
    Exhausted exhausted_;
    int fd_ = -1;
    int spare_ = -1;  ///< given up for a moment to refuse a connection when descriptors run out
    std::unique_ptr<Loop::Watch> watch_;
};

}  // namespace rollo::server
