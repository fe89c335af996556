// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "agent/core/conversation.hpp"
#include "agent/server/opening.hpp"
#include "agent/server/services.hpp"

namespace rollo::server {

/// The conversation that a WebSocket was opened for. `subscriber` outlives it; `connectionId` names
/// the connection and `address` its other end in the log.
std::unique_ptr<core::Conversation> converse(Opening opening, core::Principal principal,
                                             const std::string& connectionId,
                                             const std::string& address, Services& services,
                                             core::Subscriber& subscriber);

}  // namespace rollo::server
