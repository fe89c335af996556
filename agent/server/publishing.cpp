// SPDX-License-Identifier: Apache-2.0
#include "agent/server/publishing.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "common/json_writer.hpp"
#include "proto/published.hpp"

namespace rollo::server {
namespace {

using core::Principal;
using Refusal = core::Publications::Refusal;

/// RFC 9110 §8.6; nothing where it is no length.
std::optional<std::size_t> lengthOf(std::string_view text) {
    std::size_t length = 0;
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, length) != std::from_chars_result{end, std::errc()})
        return std::nullopt;
    return length;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whatever its parameters are: JSON is UTF-8 (RFC 8259 §8.1).
bool isJson(std::string_view contentType) {
    std::string_view type = contentType.substr(0, contentType.find(';'));
    while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
    return std::ranges::equal(type, std::string_view("application/json"), {}, lower);
}

int statusOf(Refusal::Kind kind) {
    switch (kind) {
        case Refusal::Kind::invalid:
            return 400;
        case Refusal::Kind::forbidden:
            return 403;
        case Refusal::Kind::conflict:
            return 409;
    }
    return 400;
}

Reply tooFast(const Request& request, std::chrono::milliseconds wait, Services& services,
              const common::Now& now) {
    services.refusals.note(Refused::publishRate, request.peer.text, now.mono);
    Reply reply = refusalReply({429, "events come too fast (publish.events_per_second)"});
    reply.headers = fmt::format(
        "retry-after: {}\r\n",
        std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
    return reply;
}

Reply refusedAfter(const Refusal& refusal) {
    const int status = statusOf(refusal.kind);
    common::JsonWriter out;
    out.beginObject();
    out.member("code", codeWord(status));
    out.member("message", refusal.message);
    out.member("field", refusal.field);
    out.member("accepted", static_cast<std::uint64_t>(refusal.accepted));
    out.endObject();
    return json(status, std::string(out.text()));
}

Reply accepted(std::size_t count, proto::Seq seq) {
    common::JsonWriter out;
    out.beginObject();
    out.member("accepted", static_cast<std::uint64_t>(count));
    out.member("seq", seq);
    out.endObject();
    return json(202, std::string(out.text()));
}

}  // namespace

std::optional<Reply> refuseHead(const Request& request, const Principal& publisher,
                                Services& services, const common::Now& now) {
    const auto& settings = services.settings.publish;
    if (request.encoded || !request.contentLength)
        return refusalReply({411, "a Content-Length is needed, and no Transfer-Encoding"});
    const auto length = lengthOf(*request.contentLength);
    if (!length) return refusalReply({400, "Content-Length must be a number of bytes"});
    if (*length > settings.maxBytes)
        return refusalReply(
            {413, fmt::format("at most {} bytes are read (publish.max_bytes)", settings.maxBytes)});
    if (!request.contentType || !isJson(*request.contentType))
        return refusalReply({415, "Content-Type must be application/json"});
    if (*length == 0) return refusalReply({400, "the body is empty: it must be an event"});
    const auto wait =
        services.publishRates.until(publisher.user, settings.eventsPerSecond, now.mono);
    if (wait > wait.zero()) return tooFast(request, wait, services, now);
    return std::nullopt;
}

Reply publishEvents(const Request& request, const Principal& publisher, Services& services,
                    const common::Now& now) {
    auto events = proto::decodePublished(request.content);
    // One that is not valid counts as well: it costs as much.
    const std::size_t count = events ? events->size() : 1;
    const double rate = services.settings.publish.eventsPerSecond;
    if (const auto wait = services.publishRates.take(publisher.user, count, rate, now.mono);
        wait > wait.zero())
        return tooFast(request, wait, services, now);
    if (!events)
        return refusalReply(
            {400, std::move(events.error().message), std::move(events.error().field)});
    auto done = services.publications->publish(std::move(*events), publisher, now);
    services.counters.published += done ? count : done.error().accepted;
    return done ? accepted(count, services.hub.seq()) : refusedAfter(done.error());
}

}  // namespace rollo::server
