// SPDX-License-Identifier: Apache-2.0
#include "agent/server/reply.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "common/json_writer.hpp"

namespace rollo::server {
namespace {

struct Status {
    int number;
    std::string_view phrase;
    std::string_view code = "error";
};

constexpr std::array statuses = {
    Status{200, "OK"},
    Status{201, "Created"},
    Status{202, "Accepted"},
    Status{204, "No Content"},
    Status{400, "Bad Request", "bad_request"},
    Status{401, "Unauthorized", "unauthorized"},
    Status{403, "Forbidden", "forbidden"},
    Status{404, "Not Found", "not_found"},
    Status{405, "Method Not Allowed", "method_not_allowed"},
    Status{409, "Conflict", "conflict"},
    Status{410, "Gone", "gap"},
    Status{411, "Length Required", "length_required"},
    Status{413, "Content Too Large", "content_too_large"},
    Status{415, "Unsupported Media Type", "unsupported_media_type"},
    Status{426, "Upgrade Required", "upgrade_required"},
    Status{429, "Too Many Requests", "too_many_requests"},
    Status{503, "Service Unavailable", "unavailable"},
};

Status find(int number) {
    const auto found = std::ranges::find(statuses, number, &Status::number);
    return found == statuses.end() ? Status{number, "Error"} : *found;
}

}  // namespace

std::string_view codeWord(int status) {
    return find(status).code;
}

Reply json(int status, std::string body) {
    return {status, "application/json", std::move(body), {}, {}};
}

Reply refusalReply(const Refusal& refusal) {
    common::JsonWriter out;
    out.beginObject();
    out.member("code", codeWord(refusal.status));
    out.member("message", refusal.message);
    if (!refusal.field.empty()) out.member("field", refusal.field);
    out.endObject();
    Reply reply = json(refusal.status, std::string(out.text()));
    // RFC 6455 §4.4: which version would be good.
    if (refusal.status == 426) reply.headers = "sec-websocket-version: 13\r\n";
    return reply;
}

Reply laterReply(const Refusal& refusal, std::chrono::milliseconds wait) {
    Reply reply = refusalReply(refusal);
    reply.headers = fmt::format(
        "retry-after: {}\r\n",
        std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
    return reply;
}

Reply attachment(std::string_view filename, std::string body) {
    std::string safe;
    for (const char c : filename) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        safe += plain ? c : '_';
    }
    Reply reply{200, "application/octet-stream", std::move(body), {}, {}};
    reply.headers = fmt::format("content-disposition: attachment; filename=\"{}\"\r\n", safe);
    return reply;
}

std::string head(const Reply& reply) {
    std::string text = fmt::format("HTTP/1.1 {} {}\r\n", reply.status, find(reply.status).phrase);
    // RFC 9110 §8.6: a 204 has no length.
    if (reply.status != 204)
        text += fmt::format("content-type: {}\r\ncontent-length: {}\r\n", reply.contentType,
                            reply.body.size());
    text += "cache-control: no-store\r\nx-content-type-options: nosniff\r\nvary: origin\r\n";
    if (reply.status == 401) text += "www-authenticate: Bearer\r\n";
    if (!reply.allow.empty()) text += fmt::format("allow: {}\r\n", reply.allow);
    text += reply.headers;
    return text + "\r\n";
}

}  // namespace rollo::server
