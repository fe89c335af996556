// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <fmt/format.h>

#include "proto/fields.hpp"
#include "proto/ticket_request.hpp"

namespace rollo::proto {
namespace {

using namespace fields;

constexpr std::size_t longestEndpoint = 1024;

TicketRequest::Mode readMode(const Json& value, const std::string& path) {
    const std::string* text = value.string();
    if (!text || (*text != "ro" && *text != "rw")) wrong(path, "must be ro or rw");
    return *text == "ro" ? TicketRequest::Mode::read : TicketRequest::Mode::write;
}

TicketRequest readRequest(const Json& body) {
    if (!body.object()) wrong({}, "must be an object");
    onlyMembers(body, {}, {"endpoint", "mode"});
    TicketRequest request;
    request.endpoint =
        requireString(requiredMember(body, {}, "endpoint"), "endpoint", longestEndpoint);
    if (const Json* mode = member(body, "mode")) request.mode = readMode(*mode, "mode");
    return request;
}

}  // namespace

std::expected<TicketRequest, Error> decodeTicketRequest(std::string_view text) {
    const auto json = common::readJson(text, {.bytes = text.size()});
    if (!json)
        return std::unexpected(
            Error{ErrorCode::invalidJson,
                  fmt::format("{} at byte {}", json.error().what, json.error().offset),
                  {},
                  {}});
    try {
        return readRequest(*json);
    } catch (Wrong& error) {
        return std::unexpected(
            Error{ErrorCode::invalidMessage, std::move(error.what), {}, std::move(error.field)});
    }
}

}  // namespace rollo::proto
