// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "agent/core/principal.hpp"

namespace rollo::auth {

/// Whom to let in no more, whatever their tokens say (`[auth] deny_file`).
class DenyList {
  public:
    /// Lines `sub NAME` and `jti ID`, of at most 256 bytes each name; what stands in the middle of
    /// one, such as a blank, belongs to it. A `#` at the beginning of a word begins a comment.
    /// `file` is for the messages. Throws std::runtime_error, which names file and line and nothing
    /// of what is there, for anything else, and for more than 100,000 lines of that sort.
    static DenyList parse(std::string_view text, std::string_view file);
    /// Of a file of at most 1 MiB that others may not write. Throws as well where it cannot be
    /// read. May block.
    static DenyList load(const std::string& path);

    bool denies(const core::Principal& principal) const;
    std::size_t size() const { return subjects_.size() + tokenIds_.size(); }

  private:
    std::set<std::string, std::less<>> subjects_;
    std::set<std::string, std::less<>> tokenIds_;
};

}  // namespace rollo::auth
