// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

/// What the kernel knows of a connection.
namespace rollo::server {

/// How much has come in on a TCP connection since it began, by the kernel's count (tcp(7),
/// TCP_INFO). Nothing for other sockets.
std::optional<std::uint64_t> receivedBytes(int fd);

/// How much of what has come in has not been read yet (FIONREAD, ioctl_tty(2), unix(7)).
std::size_t unreadBytes(int fd);

enum class Line {
    good,    ///< as far as can be known
    silent,  ///< what was sent has not been acknowledged, and nothing else either, for too long
    broken,  ///< nothing can be sent by it any more
};
/// How a connection is that is not read, so that its end cannot be read either. The other end's
/// kernel acknowledges what arrives, whatever its program does; of other sockets than TCP's nothing
/// is silent.
Line lineOf(int fd, std::chrono::milliseconds tooLong);

}  // namespace rollo::server
