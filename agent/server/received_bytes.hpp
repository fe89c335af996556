// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace rollo::server {

/// How much has come in on a TCP connection since it began, by the kernel's count (tcp(7),
/// TCP_INFO). Nothing for other sockets.
std::optional<std::uint64_t> receivedBytes(int fd);

}  // namespace rollo::server
