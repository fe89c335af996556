// SPDX-License-Identifier: Apache-2.0
#include "agent/server/path_pattern.hpp"

namespace rollo::server {

std::optional<std::string_view> matchPath(std::string_view pattern, std::string_view path) {
    const auto brace = pattern.find('{');
    if (brace == std::string_view::npos)
        return path == pattern ? std::optional(std::string_view()) : std::nullopt;
    const auto before = pattern.substr(0, brace);
    const auto after = pattern.substr(pattern.find('}') + 1);
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) ||
        !path.ends_with(after))
        return std::nullopt;
    const auto name = path.substr(before.size(), path.size() - before.size() - after.size());
    return name.find('/') == std::string_view::npos ? std::optional(name) : std::nullopt;
}

}  // namespace rollo::server
