// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "agent/server/budget.hpp"
#include "common/clock.hpp"

namespace rollo::server {

/// What arrives by one WebSocket: joins its pieces to messages, within what the client may send.
/// Thread: main.
class Inbox {
  public:
    enum class Trouble { tooLarge, tooManyBytes, tooManyMessages };
    struct Message {
        std::string joined;      ///< of more than one piece
        std::string_view piece;  ///< of one, where it arrived
        bool binary = false;
        std::string_view bytes() const { return joined.empty() ? piece : joined; }
    };

    /// `budget` outlives this.
    explicit Inbox(Budget& budget) : budget_(budget) {}
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;

    /// A piece of a message (RFC 6455 §5.4), `last` with its end: the message, once it is whole.
    /// After `tooManyMessages` the next one may be fine again, after the others there is no next.
    std::expected<std::optional<Message>, Trouble> take(std::string_view piece, bool binary,
                                                        bool last, std::size_t maxMessageBytes,
                                                        const Budget::Limits& limits,
                                                        common::Monotonic now);
    /// Looks, every few seconds, whether more has come in by the kernel's count than the client may
    /// send: libwebsockets answers pings, and drops most of a flood of them, without a word to us.
    /// Of other sockets than TCP's the kernel counts nothing: there it is looked whether something
    /// is always left over, though it is `reading`, so that it comes faster than it can be read.
    bool isFlooded(int fd, bool reading, const Budget::Limits& limits, common::Monotonic now);
    /// libwebsockets has answered a ping: it says so by a leave to write that nobody asked for.
    /// Where the kernel does not count, it counts as a message. False: one too many.
    bool takePing(int fd, const Budget::Limits& limits, common::Monotonic now);

  private:
    Budget& budget_;
    std::string begun_;
    bool binary_ = false;
    common::Monotonic lastLook_{};
    std::uint64_t receivedBytes_ = 0;  ///< at the last look
    unsigned leftOver_ = 0;            ///< at so many looks one after the other
};

}  // namespace rollo::server
