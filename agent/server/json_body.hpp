// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "agent/server/reply.hpp"
#include "agent/server/request.hpp"

namespace rollo::server {

/// Looks at the headers of a request that is to bring JSON of at most so many bytes, of which `key`
/// is the configuration's, if it has one: how it is refused, or nothing where the body may come.
std::optional<Reply> refuseBody(const Request& request, std::size_t most, std::string_view key);

}  // namespace rollo::server
