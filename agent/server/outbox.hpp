// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "agent/server/gather.hpp"
#include "agent/server/send_queue.hpp"
#include "common/clock.hpp"
#include "proto/messages.hpp"

struct lws;

namespace rollo::server {

/// What leaves by one WebSocket: the queue, and the way from there to the socket in as few calls as
/// that allows.
/// Thread: main.
class Outbox {
  public:
    /// `sent` counts what the socket was given; outlives this.
    Outbox(lws* socket, proto::Traffic& sent) : socket_(socket), sent_(sent) {}
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    SendQueue& queue() { return queue_; }
    const SendQueue& queue() const { return queue_; }

    /// Sends what waits, as far as the socket takes it. Once it takes no more, this costs nothing
    /// until `writeable`. False: the connection is lost.
    bool flush(Gather& gather);
    /// The socket takes more again. False: that was not asked for, nor is it the second time that
    /// libwebsockets says so, as it does behind what it kept itself.
    bool writeable() {
        const bool second = std::exchange(wasFull_, full_);
        return std::exchange(full_, false) || second;
    }
    /// Gives memory back that is not needed; what a client that is slow is to be told, where that
    /// is due. About once a second.
    std::optional<proto::Lag> tick(common::Monotonic now);

  private:
    enum class Sent { all, part, lost };
    Sent send(Gather& gather);
    Sent sendPlain(Gather& gather, std::string_view bytes);
    Sent sendByLibrary(Gather& gather, std::string_view bytes);
    bool handOver(std::string_view bytes);
    void left(const Gather& gather, std::size_t frames);

    lws* socket_;
    proto::Traffic& sent_;
    SendQueue queue_;
    bool full_ = false;
    bool wasFull_ = false;  ///< when it was last said that the socket takes more
    common::Monotonic lastRest_{};
    common::Monotonic lastLag_{};
    std::uint64_t toldOfConflated_ = 0;
};

}  // namespace rollo::server
