// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "agent/core/client.hpp"
#include "agent/core/console_viewer.hpp"
#include "agent/core/stats_viewer.hpp"
#include "agent/server/request.hpp"

namespace rollo::server {

/// The subprotocol (RFC 6455 §1.9) with which a console's bytes travel in binary frames.
inline constexpr std::string_view consoleSubprotocol = "rollo.console.v1";

/// What a WebSocket is opened for.
using Opening =
    std::variant<core::Client::Opening, core::ConsoleViewer::Opening, core::StatsViewer::Opening>;

/// The WebSocket endpoint that a path names, as PROTOCOL.md writes it: `/ws/vm/{vm}`. Empty where
/// there is none.
std::string_view endpointOf(std::string_view path);

/// Reads path and query of an upgrade. What only the connection knows of the result is not set: its
/// id, its address, and whether the subprotocol was agreed on. Refuses with 404 where there is no
/// such endpoint, with 400 where something cannot be had there.
std::expected<Opening, Refusal> readOpening(const Request& request);

/// Reads `EPOCH:SEQ`; refuses with 400, which names the parameter.
std::expected<std::optional<proto::ResumePoint>, Refusal> readResumePoint(const Request& request,
                                                                          std::string_view name);

/// Which output of which device a query asks for.
struct ConsoleRange {
    std::optional<std::string> device;
    std::optional<std::uint64_t> tail;
    std::optional<std::uint64_t> from;  ///< not both
};
/// Reads `device`, `tail` and `from`; refuses with 400, which names the parameter.
std::expected<ConsoleRange, Refusal> readConsoleRange(const Request& request);

}  // namespace rollo::server
