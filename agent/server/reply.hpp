// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "agent/server/request.hpp"

namespace rollo::server {

/// What a request is answered with, before it is bytes.
struct Reply {
    int status = 200;
    std::string_view contentType = "application/json";
    std::string body;
    std::string allow;    ///< the methods, with 405
    std::string headers;  ///< further lines, each with its end
};

Reply json(int status, std::string body);
/// `{"code", "message"}`, and `field` where the refusal has one.
Reply refusalReply(const Refusal& refusal);
/// The same with `Retry-After` (RFC 9110 §10.2.3): a whole number of seconds, at least one.
Reply laterReply(const Refusal& refusal, std::chrono::milliseconds wait);
/// The word for the status of a refusal, for programs.
std::string_view codeWord(int status);
/// Bytes that a browser saves as a file of that name (RFC 6266), in which everything but letters,
/// digits, `-`, `_` and `.` is replaced.
Reply attachment(std::string_view filename, std::string body);

/// Status line, headers and an empty line (RFC 9112 §2.1).
std::string head(const Reply& reply);

}  // namespace rollo::server
