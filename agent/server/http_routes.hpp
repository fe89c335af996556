// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "agent/server/request.hpp"
#include "agent/server/services.hpp"
#include "common/clock.hpp"

namespace rollo::server {

struct Reply {
    int status = 200;
    std::string_view contentType = "application/json";
    std::string body;
    std::string_view allow;  ///< the methods, with 405
    std::string headers;     ///< further lines, each with its end
};

Reply refusalReply(const Refusal& refusal);
/// Bytes that a browser saves as a file of that name (RFC 6266), in which everything but letters,
/// digits, `-`, `_` and `.` is replaced.
Reply attachment(std::string_view filename, std::string body);

/// Answers everything that is no WebSocket.
Reply answer(const Request& request, const Services& services, const common::Now& now);

/// Status line, headers and an empty line (RFC 9112 §2.1).
std::string head(const Reply& reply);

}  // namespace rollo::server
