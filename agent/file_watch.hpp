// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <ctime>
#include <map>
#include <string>
#include <vector>

namespace rollo::agent {

/// What stat(2) tells of a file: another one whenever the file was written, replaced, or given to
/// others.
struct FileStamp {
    dev_t device = 0;
    ino_t inode = 0;
    off_t size = 0;
    timespec changed{};

    bool operator==(const FileStamp& other) const;
};

/// By path; a file that is not there, or cannot be looked at, has none.
using FileStamps = std::map<std::string, FileStamp>;

/// Of the files, links followed, and of what lies in those that are folders. May block for as long
/// as a disk or a file server likes: never on a thread that must not.
FileStamps stampsOf(const std::vector<std::string>& paths);

/// Says when files that are read as a whole have to be read again. As one of them is replaced after
/// the other, and a large one is written piece by piece, that is once they were left alone from one
/// look to the next.
class FileWatch {
  public:
    enum class Seen {
        same,       ///< they are those that were read
        unsettled,  ///< they are being changed
        changed,    ///< they are others, and are to be read now: from now on these are `same`
    };

    /// Of files that are read after they were stamped, so that what changes meanwhile is read
    /// again.
    explicit FileWatch(FileStamps stamps) : read_(stamps), noticed_(std::move(stamps)) {}
    Seen look(FileStamps now);

  private:
    FileStamps read_;     ///< when they were read
    FileStamps noticed_;  ///< at the last look
};

}  // namespace rollo::agent
