// SPDX-License-Identifier: Apache-2.0
#include "agent/server/line.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace rollo::server {
namespace {

std::optional<tcp_info> tcpInfo(int fd) {
    tcp_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
    return info;
}

}  // namespace

std::optional<std::uint64_t> receivedBytes(int fd) {
    const auto info = tcpInfo(fd);
    if (!info) return std::nullopt;
    return info->tcpi_bytes_received;
}

std::size_t unreadBytes(int fd) {
    int bytes = 0;
    return ::ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

Line lineOf(int fd, std::chrono::milliseconds tooLong) {
    pollfd entry{.fd = fd, .events = 0, .revents = 0};
    if (::poll(&entry, 1, 0) > 0) return Line::broken;
    const auto info = tcpInfo(fd);
    // A window that is closed leaves nothing unacknowledged, and is asked about ever more seldom.
    const bool silent = info && info->tcpi_unacked > 0 &&
                        std::chrono::milliseconds(info->tcpi_last_ack_recv) >= tooLong;
    return silent ? Line::silent : Line::good;
}

}  // namespace rollo::server
