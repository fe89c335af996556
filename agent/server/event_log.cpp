// SPDX-License-Identifier: Apache-2.0
#include "agent/server/event_log.hpp"

#include "agent/core/subscription.hpp"
#include "agent/server/opening.hpp"
#include "common/json_writer.hpp"

namespace rollo::server {
namespace {

/// Of one answer, which is kept whole until it has been taken; who wants more asks again.
constexpr std::size_t mostBytes = 1 << 20;

core::Subscription everything() {
    core::Subscription subscription;
    subscription.add({});
    return subscription;
}

Reply gap(const core::Hub& hub) {
    constexpr int gone = 410;
    common::JsonWriter out;
    out.beginObject();
    out.member("code", codeWord(gone));
    out.member("message", "what came since then is not kept: read the state anew");
    out.member("epoch", hub.epoch());
    out.member("seq", hub.seq());
    out.endObject();
    return json(gone, std::string(out.text()));
}

}  // namespace

Reply missedEvents(const Request& request, const core::Principal& principal,
                   const Services& services) {
    const auto since = readResumePoint(request, "since");
    if (!since) return refusalReply(since.error());
    if (!*since) return refusalReply({400, "the query parameter since is missing"});
    const auto missed = services.hub.replayPart(**since, everything(), principal, mostBytes);
    if (!missed) return gap(services.hub);
    common::JsonWriter out;
    out.beginObject();
    out.member("epoch", services.hub.epoch());
    out.member("seq", missed->upTo);
    out.member("more", missed->upTo < services.hub.seq());
    out.key("events");
    out.beginArray();
    for (const auto& frame : missed->frames) out.raw(frame.payload());
    out.endArray();
    out.endObject();
    return json(200, std::string(out.text()));
}

}  // namespace rollo::server
