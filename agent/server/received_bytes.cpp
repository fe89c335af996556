// SPDX-License-Identifier: Apache-2.0
#include "agent/server/received_bytes.hpp"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace rollo::server {

std::optional<std::uint64_t> receivedBytes(int fd) {
    tcp_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
    return info.tcpi_bytes_received;
}

}  // namespace rollo::server
