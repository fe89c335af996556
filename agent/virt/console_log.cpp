// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace rollo::virt {

namespace {

/// A regular file that is open for reading, as it was when it was opened.
class File {
  public:
    explicit File(const std::string& path)
        : descriptor_(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)) {
        if (descriptor_ >= 0 && (fstat(descriptor_, &status_) != 0 || !S_ISREG(status_.st_mode))) {
            close(descriptor_);
            descriptor_ = -1;
        }
    }
    ~File() {
        if (descriptor_ >= 0) close(descriptor_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    bool readable() const { return descriptor_ >= 0; }
    std::uint64_t inode() const { return status_.st_ino; }
    std::uint64_t size() const { return static_cast<std::uint64_t>(status_.st_size); }

    /// Less than `length` where it has become shorter. Nothing on an error of the disk.
    std::optional<std::string> read(std::uint64_t from, std::size_t length) const {
        std::string bytes(length, '\0');
        std::size_t have = 0;
        while (have < length) {
            const ssize_t got = pread(descriptor_, bytes.data() + have, length - have,
                                      static_cast<off_t>(from + have));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return std::nullopt;
            if (got == 0) break;
            have += static_cast<std::size_t>(got);
        }
        bytes.resize(have);
        return bytes;
    }

  private:
    int descriptor_;
    struct stat status_{};
};

std::optional<core::ConsoleLog> part(const File& file, std::uint64_t from, std::size_t most) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(file.size() - from, most));
    auto bytes = file.read(from, length);
    if (!bytes) return std::nullopt;
    return core::ConsoleLog{std::move(*bytes), from, file.inode()};
}

}  // namespace

std::optional<core::ConsoleLog> readConsoleLogEnd(const std::string& path, std::size_t most) {
    const File file(path);
    if (!file.readable()) return std::nullopt;
    return part(file, file.size() - std::min<std::uint64_t>(file.size(), most), most);
}

std::optional<core::ConsoleLog> readConsoleLogFrom(const std::string& path, std::uint64_t from,
                                                   std::uint64_t inode, std::size_t most) {
    const File file(path);
    if (!file.readable() || file.inode() != inode || file.size() < from) return std::nullopt;
    return part(file, from, most);
}

}  // namespace rollo::virt
