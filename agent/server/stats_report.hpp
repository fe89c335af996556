// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "agent/server/connection.hpp"
#include "agent/server/services.hpp"
#include "proto/websocket_stats.hpp"

namespace rollo::server {

/// What the server and the core know of `websocket_stats`; libvirt, the process and the loop are
/// left to the caller. Looks at every connection.
proto::WebsocketStats reportStats(const Services& services,
                                  const std::vector<std::unique_ptr<Connection>>& connections);

}  // namespace rollo::server
