// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "proto/frame.hpp"

namespace rollo::server {

/// What waits for one socket: ordered messages in their order, and of each conflatable one only the
/// latest. Holds references to frames that everybody shares.
/// Thread: main.
class SendQueue {
  public:
    void push(const proto::Frame& frame);
    /// Like `push`, but outside of what `bytes` counts: a snapshot, a replay.
    void pushUncounted(const proto::Frame& frame);
    /// Like `push`, but counted by `outputBytes` alone: what a console prints.
    void pushOutput(const proto::Frame& frame);
    /// Takes the place of the one with the same key that still waits.
    void pushLatest(std::uint64_t key, const proto::Frame& frame);
    /// Drops what `pushLatest` was given with that key and that waits. Looks at each of its kind.
    void dropLatest(std::uint64_t key);

    bool empty() const { return head_ == ordered_.size() && latestHead_ == latest_.size(); }
    /// Bytes of what `push` was given and that waits.
    std::size_t bytes() const { return bytes_; }
    /// Bytes of what `pushOutput` was given and that waits.
    std::size_t outputBytes() const { return outputBytes_; }
    /// True while something of `pushUncounted` waits.
    bool hasUncounted() const { return uncounted_ > 0; }
    /// Bytes of everything that waits; looks at each message.
    std::size_t allBytes() const;
    /// How often a waiting message was replaced by a later one.
    std::uint64_t conflated() const { return conflated_; }

    /// Appends what should leave next, ordered messages first, until `maxBytes` are reached; at
    /// least one where one waits.
    void peek(std::vector<proto::Frame>& frames, std::size_t maxBytes) const;
    /// True if `peek` would show exactly these.
    bool shows(const std::vector<proto::Frame>& frames, std::size_t maxBytes) const;
    /// Drops the first `count` messages of what `peek` showed: they have left.
    void drop(std::size_t count);
    /// Says that the socket takes nothing more for now: from here on only the latest is kept.
    void leaveOver();
    void clear();
    /// Gives back the memory that has not been needed since the last call. In between it is kept,
    /// so that a steady stream of messages does not allocate.
    void rest();

  private:
    template <class Take>
    void forEach(std::size_t maxBytes, Take take) const;
    void compact();

    enum class Kind : unsigned char { counted, uncounted, output };
    struct Ordered {
        proto::Frame frame;
        Kind kind;
    };
    void forget(const Ordered& ordered);
    struct Latest {
        std::uint64_t key;
        proto::Frame frame;
    };

    std::vector<Ordered> ordered_;
    std::size_t bytes_ = 0;
    std::size_t outputBytes_ = 0;
    std::size_t head_ = 0;
    std::vector<Latest> latest_;
    std::size_t latestHead_ = 0;
    std::size_t uncounted_ = 0;    ///< messages
    std::size_t mostOrdered_ = 0;  ///< entries at once since the last rest
    std::size_t mostLatest_ = 0;
    /// Where in `latest_` a key waits. There only while a message is left over: a socket that keeps
    /// up never needs it.
    using Places = std::unordered_map<std::uint64_t, std::size_t>;
    std::unique_ptr<Places> places_;
    std::uint64_t conflated_ = 0;
};

}  // namespace rollo::server
