// SPDX-License-Identifier: Apache-2.0
#include "agent/server/request.hpp"

#include <algorithm>

namespace rollo::server {

const std::string* Request::argument(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return &value;
    return nullptr;
}

const std::string* Request::token() const {
    return bearer ? &*bearer : argument("token");
}

std::string loggable(std::string_view path) {
    // `eyJ` begins the header of every JWT: it is `{"` in base64url.
    std::size_t secret = path.npos;
    for (const std::string_view sign : {"token=", "ticket=", "eyJ"})
        secret = std::min(secret, path.find(sign));
    if (secret == path.npos) return std::string(path);
    return std::string(path.substr(0, secret)) + "[redacted]";
}

}  // namespace rollo::server
