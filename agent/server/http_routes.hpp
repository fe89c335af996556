// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/server/reply.hpp"
#include "agent/server/request.hpp"
#include "agent/server/services.hpp"
#include "common/clock.hpp"

namespace rollo::server {

/// What the headers alone decide: the answer, or nothing where the body has to be read first.
std::optional<Reply> answerHead(const Request& request, Services& services, const common::Now& now);

/// Answers everything that is no WebSocket, once its body is there if it needs one.
Reply answer(const Request& request, Services& services, const common::Now& now);

}  // namespace rollo::server
