// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace rollo::server {

/// What stands in the path where the pattern has a part in braces, as `/vms/{vm}/console` has one:
/// one segment that is not empty. An empty text where the pattern has none and is the path itself;
/// nothing where the path is not of that kind.
std::optional<std::string_view> matchPath(std::string_view pattern, std::string_view path);

}  // namespace rollo::server
