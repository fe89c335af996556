// SPDX-License-Identifier: Apache-2.0
#include "agent/server/outbox.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <libwebsockets.h>

namespace rollo::server {
namespace {

constexpr std::chrono::seconds betweenLags{5};
constexpr std::chrono::seconds betweenRests{60};

}  // namespace

bool Outbox::flush(Gather& gather) {
    Sent sent = full_ || lws_partial_buffered(socket_) ? Sent::part : Sent::all;
    while (sent == Sent::all && !queue_.empty()) sent = send(gather);
    if (sent == Sent::part) queue_.leaveOver();
    return sent != Sent::lost;
}

Outbox::Sent Outbox::send(Gather& gather) {
    const std::string_view bytes = gather.take(queue_);
    return lws_is_ssl(socket_) ? sendByLibrary(gather, bytes) : sendPlain(gather, bytes);
}

/// Libwebsockets takes it all, and keeps what the socket does not take.
Outbox::Sent Outbox::sendByLibrary(Gather& gather, std::string_view bytes) {
    if (!handOver(bytes)) return Sent::lost;
    left(gather, gather.frames().size());
    return lws_partial_buffered(socket_) ? Sent::part : Sent::all;
}

/// Past libwebsockets while it has nothing of its own under way: one system call for all that
/// waits. What is left of a frame that was cut goes to libwebsockets, whose own control frames then
/// come after it and not into it.
Outbox::Sent Outbox::sendPlain(Gather& gather, std::string_view bytes) {
    const auto sent =
        ::send(lws_get_socket_fd(socket_), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return Sent::lost;
    const auto taken = static_cast<std::size_t>(sent < 0 ? 0 : sent);
    if (taken == bytes.size()) {
        left(gather, gather.frames().size());
        return Sent::all;
    }
    const auto split = gather.split(taken);
    if (split.rest > 0 && !handOver(gather.frames()[split.frames].wire().substr(split.rest)))
        return Sent::lost;
    left(gather, split.frames + (split.rest > 0 ? 1 : 0));
    full_ = true;
    lws_callback_on_writable(socket_);
    return Sent::part;
}

void Outbox::left(const Gather& gather, std::size_t frames) {
    const proto::Traffic traffic = gather.traffic(frames);
    sent_.messages += traffic.messages;
    sent_.bytes += traffic.bytes;
    queue_.drop(frames);
}

bool Outbox::handOver(std::string_view bytes) {
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    return lws_write(socket_, data, bytes.size(), LWS_WRITE_RAW) >= 0;
}

std::optional<proto::Lag> Outbox::tick(common::Monotonic now) {
    if (now - lastRest_ >= betweenRests) {
        lastRest_ = now;
        queue_.rest();
    }
    const auto conflated = queue_.conflated();
    if (conflated == toldOfConflated_ || now - lastLag_ < betweenLags) return std::nullopt;
    const auto since = conflated - std::exchange(toldOfConflated_, conflated);
    lastLag_ = now;
    return proto::Lag{since, conflated, queue_.bytes()};
}

}  // namespace rollo::server
