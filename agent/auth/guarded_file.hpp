// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "common/file.hpp"

/// Files that decide who is let in. Each of these throws std::runtime_error, which names the file
/// and what is wrong with it, and nothing of what is in it.
namespace rollo::auth {

/// A regular file of at most `limit` bytes that others may not write. May block.
common::FileContent readGuardedFile(const std::string& path, std::size_t limit);

/// Of a file or a folder: that others may not change it.
void checkIsGuarded(const std::string& path, mode_t mode);
/// That others may not read it either.
void checkIsSecret(const std::string& path, mode_t mode);

}  // namespace rollo::auth
