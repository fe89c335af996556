// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/guarded_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <stdexcept>

namespace rollo::auth {

namespace {

/// To open a pipe waits for whoever writes into it.
bool mayBeOpened(const std::string& path) {
    struct stat status{};
    return stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

}  // namespace

common::FileContent readGuardedFile(const std::string& path, std::size_t limit) {
    if (!mayBeOpened(path)) throw std::runtime_error(path + ": is no regular file");
    auto file = common::readFile(path, limit);
    if (!file) throw std::runtime_error(fmt::format("{}: {}", path, file.error().message()));
    checkIsGuarded(path, file->mode);
    return std::move(*file);
}

void checkIsGuarded(const std::string& path, mode_t mode) {
    if ((mode & S_IWOTH) != 0)
        throw std::runtime_error(fmt::format("{}: others may write it; chmod o-w {}", path, path));
}

void checkIsSecret(const std::string& path, mode_t mode) {
    if ((mode & S_IRWXO) != 0)
        throw std::runtime_error(
            fmt::format("{}: others may read or write this secret; chmod o= {}", path, path));
}

}  // namespace rollo::auth
