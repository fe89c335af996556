// SPDX-License-Identifier: Apache-2.0
#include "agent/server/turned_away.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

namespace rollo::server {
namespace {

constexpr std::size_t mostAtOnce = 64;
constexpr std::size_t mostBytes = 64 * 1024;
constexpr std::chrono::seconds longest{2};

}  // namespace

void TurnedAway::add(common::UniqueFd socket, std::string_view reply, common::Monotonic now) {
    if (reply.empty()) return;
    const int fd = socket.get();
    ::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(fd, SHUT_WR);
    if (leaving_.size() >= mostAtOnce) return;
    leaving_.push_back({std::move(socket), now + longest});
    const auto leaving = std::prev(leaving_.end());
    leaving->watch = loop_.onReadable(fd, [this, leaving] { swallow(leaving); });
}

void TurnedAway::swallow(std::list<Leaving>::iterator leaving) {
    std::array<char, 4096> bytes;
    const auto got = ::recv(leaving->socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (got > 0) leaving->swallowed += static_cast<std::size_t>(got);
    if (got <= 0 || leaving->swallowed > mostBytes) leaving_.erase(leaving);
}

void TurnedAway::tick(common::Monotonic now) {
    while (!leaving_.empty() && leaving_.front().deadline <= now) leaving_.pop_front();
}

}  // namespace rollo::server
