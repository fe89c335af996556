// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/clock.hpp"
#include "proto/codes.hpp"
#include "proto/frame.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

/// What the core asks of a connection. None of the calls fails or waits, and none calls back.
class Subscriber {
  public:
    virtual ~Subscriber() = default;

    /// Queues an ordered message: delivered, or the connection ends.
    virtual void send(const proto::Frame& frame) = 0;
    /// Queues an error that is nobody's mistake.
    virtual void tell(const proto::Error& error, const common::Now& now) = 0;
    /// Queues an error, which counts against the client.
    virtual void refuse(const proto::Error& error, const common::Now& now) = 0;
    /// Queues a message of which only the latest with that key matters.
    virtual void sendLatest(std::uint64_t key, const proto::Frame& frame) = 0;
    /// Takes back what of that key still waits: something ordered has made it untrue.
    virtual void dropLatest(std::uint64_t key) = 0;
    /// Queues a snapshot or a replay: drawn as the socket takes it, outside the queue's limit.
    virtual void sendBacklog(std::vector<proto::Frame> frames) = 0;
    /// Queues a console's output, outside the queue's limit: who sends it keeps `outputWaiting` in
    /// bounds.
    virtual void sendOutput(const proto::Frame& frame) = 0;
    /// Bytes of such output that have not left yet.
    virtual std::size_t outputWaiting() const = 0;
    /// Whether what the client says is read. What it sends meanwhile waits in its own socket.
    virtual void listen(bool on) = 0;
    /// Says goodbye and closes; everything queued before still leaves.
    virtual void close(const proto::Farewell& farewell) = 0;
};

}  // namespace rollo::core
