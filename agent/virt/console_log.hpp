// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "agent/core/console_observation.hpp"

/// Reads the file to which libvirt writes what a device prints. It is somebody else's, in a place
/// that the domain's XML names: nothing but a regular file is read, no symbolic link is followed,
/// and nothing is waited for but the disk.
/// Thread: any that may wait for a disk.
namespace rollo::virt {

/// No more of a log file is read at once.
constexpr std::size_t mostOfConsoleLog = std::size_t{1} << 20;

/// Its last `most` bytes. Nothing if it cannot be read.
std::optional<core::ConsoleLog> readConsoleLogEnd(const std::string& path,
                                                  std::size_t most = mostOfConsoleLog);

/// What stands there from `from` on, at most `most` bytes. Nothing if it cannot be read, is
/// shorter, or is another file than the one with that inode.
std::optional<core::ConsoleLog> readConsoleLogFrom(const std::string& path, std::uint64_t from,
                                                   std::uint64_t inode,
                                                   std::size_t most = mostOfConsoleLog);

}  // namespace rollo::virt
