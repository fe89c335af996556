// SPDX-License-Identifier: Apache-2.0
#include "agent/server/request.hpp"

namespace rollo::server {

const std::string* Request::argument(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return &value;
    return nullptr;
}

const std::string* Request::token() const {
    return bearer ? &*bearer : argument("token");
}

}  // namespace rollo::server
