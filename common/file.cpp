// SPDX-License-Identifier: Apache-2.0
#include "common/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "common/unique_fd.hpp"

namespace rollo::common {

namespace {

std::error_code lastError() {
    return {errno, std::system_category()};
}

std::error_code writeAll(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = write(fd, bytes.data(), bytes.size());
        if (wrote < 0 && errno != EINTR) return lastError();
        if (wrote > 0) bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return {};
}

std::error_code writeAndSync(int fd, std::string_view bytes) {
    if (const auto error = writeAll(fd, bytes)) return error;
    return fsync(fd) == 0 ? std::error_code() : lastError();
}

std::error_code writeDurably(const std::string& path, std::string_view bytes, mode_t mode) {
    // O_EXCL: what lies there may be a link, or have another mode.
    unlink(path.c_str());
    const UniqueFd file(
        open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
    if (!file || fchmod(file.get(), mode) != 0) return lastError();
    return writeAndSync(file.get(), bytes);
}

std::error_code setAccess(int fd, mode_t mode, std::optional<gid_t> group) {
    constexpr auto sameOwner = static_cast<uid_t>(-1);
    if (group && fchown(fd, sameOwner, *group) != 0) return lastError();
    return fchmod(fd, mode) == 0 ? std::error_code() : lastError();
}

std::error_code syncFolderOf(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
    const UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return lastError();
    return fsync(fd.get()) == 0 ? std::error_code() : lastError();
}

}  // namespace

std::expected<FileContent, std::error_code> readFile(const std::string& path, std::size_t limit) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return std::unexpected(lastError());
    struct stat status{};
    if (fstat(file.get(), &status) != 0) return std::unexpected(lastError());

    FileContent content{.bytes = {}, .mode = status.st_mode};
    std::array<char, 16384> chunk;
    while (true) {
        const ssize_t got = read(file.get(), chunk.data(), chunk.size());
        if (got == 0) return content;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::unexpected(lastError());
        content.bytes.append(chunk.data(), static_cast<std::size_t>(got));
        if (content.bytes.size() > limit)
            return std::unexpected(std::make_error_code(std::errc::file_too_large));
    }
}

std::string temporaryName(const std::string& path) {
    return path + ".new";
}

std::error_code writeFileAtomically(const std::string& path, std::string_view bytes, mode_t mode) {
    const std::string temporary = temporaryName(path);
    auto error = writeDurably(temporary, bytes, mode);
    if (!error && std::rename(temporary.c_str(), path.c_str()) != 0) error = lastError();
    if (!error) return syncFolderOf(path);
    unlink(temporary.c_str());
    return error;
}

std::error_code createFileAtomically(const std::string& path, std::string_view bytes, mode_t mode,
                                     std::optional<gid_t> group) {
    // Hidden: whoever reads the folder meanwhile is not to take it for a file of its own.
    const auto name = path.rfind('/') + 1;  // npos + 1 is 0
    std::string temporary = path.substr(0, name) + "." + path.substr(name) + ".XXXXXX";
    const UniqueFd file(mkostemp(temporary.data(), O_CLOEXEC));
    if (!file) return lastError();
    auto error = setAccess(file.get(), mode, group);
    if (!error) error = writeAndSync(file.get(), bytes);
    // Unlike a rename, it fails where the name is taken.
    if (!error && link(temporary.c_str(), path.c_str()) != 0) error = lastError();
    unlink(temporary.c_str());
    return error ? error : syncFolderOf(path);
}

}  // namespace rollo::common
