// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

/// Small files, whole. May block: never on a thread that must not.
namespace rollo::common {

struct FileContent {
    std::string bytes;
    mode_t mode = 0;  ///< of the very file that was read
};

/// Reads a file of at most `limit` bytes; a larger one is std::errc::file_too_large.
std::expected<FileContent, std::error_code> readFile(const std::string& path, std::size_t limit);

/// The name under which writeFileAtomically prepares a file.
std::string temporaryName(const std::string& path);

/// Replaces a file so that after a crash at any moment either the old or the new one is there:
/// temporary beside it, fsync, rename, fsync of the folder. A temporary that was left behind is
/// overwritten. One writer for each path at a time. The mode is exact, whatever the umask.
std::error_code writeFileAtomically(const std::string& path, std::string_view bytes, mode_t mode);

/// Makes a file that is not there yet, whole or not at all, also when the machine stops meanwhile.
/// std::errc::file_exists where anything has that name, even a link that leads nowhere. The mode is
/// exact, whatever the umask; the file gets that group, or the one that new files get. Until it is
/// whole it is a hidden file beside the new one.
std::error_code createFileAtomically(const std::string& path, std::string_view bytes, mode_t mode,
                                     std::optional<gid_t> group = std::nullopt);

}  // namespace rollo::common
