// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/server/send_queue.hpp"
#include "proto/websocket_stats.hpp"

namespace rollo::server {

/// Puts the frames that wait for one socket side by side, so that they leave in one call. Sockets
/// with the same frames waiting, as nearly all have in a fan-out, share the bytes.
/// Thread: main.
class Gather {
  public:
    static constexpr std::size_t most = 256 * 1024;

    /// What should leave next; valid until the next call.
    std::string_view take(const SendQueue& queue);
    const std::vector<proto::Frame>& frames() const { return frames_; }

    /// The messages among the first so many frames.
    proto::Traffic traffic(std::size_t frames) const;

    /// How many whole frames the first `bytes` bytes are, and how much of the next one they end in.
    struct Split {
        std::size_t frames = 0;
        std::size_t rest = 0;  ///< bytes sent of the frame after these; 0: none
    };
    Split split(std::size_t bytes) const;
    /// Forgets the frames, so that none is kept alive.
    void clear();

  private:
    std::vector<proto::Frame> frames_;
    proto::Traffic all_;  ///< of these
    std::string bytes_;
};

}  // namespace rollo::server
