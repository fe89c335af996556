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
    /// Lines `sub NAME` and `jti ID`; a `#` at the beginning of a word begins a comment. `file` is
    /// for the messages. Throws std::runtime_error, which names file and line, for anything else.
    static DenyList parse(std::string_view text, std::string_view file);

    bool denies(const core::Principal& principal) const;
    std::size_t size() const { return subjects_.size() + tokenIds_.size(); }

  private:
    std::set<std::string, std::less<>> subjects_;
    std::set<std::string, std::less<>> tokenIds_;
};

}  // namespace rollo::auth
