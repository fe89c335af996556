// SPDX-License-Identifier: Apache-2.0
#include "agent/file_watch.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace rollo::agent {
namespace {

namespace fs = std::filesystem;

/// Whether it is a folder.
bool stamp(const std::string& path, FileStamps& stamps) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) return false;
    stamps[path] = {status.st_dev, status.st_ino, status.st_size, status.st_ctim};
    return S_ISDIR(status.st_mode);
}

}  // namespace

bool FileStamp::operator==(const FileStamp& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec;
}

FileStamps stampsOf(const std::vector<std::string>& paths) {
    FileStamps stamps;
    for (const std::string& path : paths) {
        if (!stamp(path, stamps)) continue;
        // A file that is written where it lies leaves its folder as it was.
        std::error_code error;
        for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error))
            stamp(at->path(), stamps);
    }
    return stamps;
}

FileWatch::Seen FileWatch::look(FileStamps now) {
    const bool settled = now == noticed_;
    noticed_ = std::move(now);
    if (noticed_ == read_) return Seen::same;
    if (!settled) return Seen::unsettled;
    read_ = noticed_;
    return Seen::changed;
}

}  // namespace rollo::agent
