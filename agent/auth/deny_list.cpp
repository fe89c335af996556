// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/deny_list.hpp"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>

namespace rollo::auth {

DenyList DenyList::parse(std::string_view text, std::string_view file) {
    DenyList list;
    std::istringstream in{std::string(text)};
    std::string line;
    for (int number = 1; std::getline(in, line); ++number) {
        if (line.empty()) continue;
        if (line.starts_with("sub "))
            list.subjects_.insert(line.substr(4));
        else if (line.starts_with("jti "))
            list.tokenIds_.insert(line.substr(4));
        else
            throw std::runtime_error(fmt::format("{}:{}: must be sub NAME or jti ID", file, number));
    }
    return list;
}

bool DenyList::denies(const core::Principal& principal) const {
    return (principal.user && subjects_.contains(*principal.user)) ||
           (principal.tokenId && tokenIds_.contains(*principal.tokenId));
}

}  // namespace rollo::auth
