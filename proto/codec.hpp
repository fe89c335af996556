// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.hpp"
#include "proto/events.hpp"
#include "proto/frame.hpp"
#include "proto/messages.hpp"

/// Text to structs and back; the only place that knows the wire names of fields.
/// Thread: main (the encoders share one buffer).
namespace rollo::proto {

struct WebsocketStats;

/// Reads what a client sent. Untrusted: every answer but a well-formed message is an Error that
/// names what is wrong and where, in fixed words. How long the text may be is the caller's to say.
std::expected<ClientMessage, Error> decode(std::string_view text);

/// `seq` 0 leaves the member out.
Frame encode(const Event& event, Seq seq, const common::Now& now);
Frame encode(const AgentMessage& message, const common::Now& now);
Frame encode(const WebsocketStats& stats, const common::Now& now);
/// One frame for each part; a part's payload stays below `partBytes` unless one VM alone is larger.
std::vector<Frame> encode(const Snapshot& snapshot, const common::Now& now,
                          std::size_t partBytes = 256 * 1024);

/// The bodies of the HTTP API: the same objects as in a snapshot.
std::string encodeServer(const ServerInfo& server, const ServerMetrics* metrics,
                         const common::Now& now);
std::string encodeVm(const VmState& vm, const common::Now& now);
std::string encodeVms(const std::vector<VmState>& vms, const common::Now& now);
std::string encodeOperations(const std::vector<const Progress*>& operations);
std::string encodeAlerts(const std::vector<const Alert*>& alerts);
std::string encodeConsoles(const std::vector<ConsoleInfo>& consoles);

}  // namespace rollo::proto
