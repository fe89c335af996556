// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "proto/messages.hpp"

/// The body of `POST /api/v1/tickets`, as a client says it: nothing is looked up yet.
namespace rollo::proto {

struct TicketRequest {
    enum class Mode { unsaid, read, write };
    std::string endpoint;  ///< a path, in which nothing is encoded
    Mode mode = Mode::unsaid;
};

/// Untrusted: every answer but a well-formed request is an Error that names what is wrong and
/// where, in fixed words. How long the text may be is the caller's to say.
std::expected<TicketRequest, Error> decodeTicketRequest(std::string_view text);

}  // namespace rollo::proto
