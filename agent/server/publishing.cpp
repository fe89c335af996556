// SPDX-License-Identifier: Apache-2.0
#include "agent/server/publishing.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "agent/server/json_body.hpp"
#include "common/json_writer.hpp"
#include "proto/published.hpp"

namespace rollo::server {
namespace {

using core::Principal;
using Refusal = core::Publications::Refusal;

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
    return laterReply({429, "events come too fast (publish.events_per_second)"}, wait);
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
    if (auto refusal = refuseBody(request, settings.maxBytes, "publish.max_bytes")) return refusal;
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
