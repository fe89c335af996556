// SPDX-License-Identifier: Apache-2.0
#include "agent/auth/deny_list.hpp"

namespace rollo::auth {

DenyList DenyList::parse(std::string_view, std::string_view) {
    return {};
}

bool DenyList::denies(const core::Principal& principal) const {
    return (principal.user && subjects_.contains(*principal.user)) ||
           (principal.tokenId && tokenIds_.contains(*principal.tokenId));
}

}  // namespace rollo::auth
