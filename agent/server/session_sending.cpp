// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <libwebsockets.h>

#include "agent/server/frame_trace.hpp"
#include "agent/server/identity.hpp"
#include "agent/server/session.hpp"
#include "common/log.hpp"
#include "proto/codec.hpp"

/// What leaves by a session, up to its goodbye.
namespace rollo::server {
namespace {

namespace log = common::log;
namespace farewell = proto::farewell;

constexpr std::chrono::seconds waitForGoodbye{5};
constexpr std::chrono::milliseconds retryAfter{1000};

}  // namespace

void Session::send(const proto::Frame& frame) {
    if (closing_) return;
    trace(frame);
    outbox_.queue().push(frame);
    markDirty();
    if (outbox_.queue().bytes() > services_.settings.queueBytes) giveUp();
}

std::optional<std::string> Session::room() const {
    if (!conversation_) return std::nullopt;
    return conversation_->room();
}

void Session::giveUp() {
    outbox_.queue().clear();
    close(farewell::tooSlow);
}

bool Session::endIfRevoked() {
    if (closing_ || dead_ || !conversation_) return false;
    const auto why = revocation(conversation_->principal(), services_);
    if (!why) return false;
    outbox_.queue().clear();
    close(*why);
    return true;
}

void Session::sendLatest(std::uint64_t key, const proto::Frame& frame) {
    if (closing_) return;
    trace(frame);
    outbox_.queue().pushLatest(key, frame);
    markDirty();
}

void Session::sendBacklog(std::vector<proto::Frame> frames) {
    if (closing_) return;
    for (const auto& frame : frames) {
        trace(frame);
        outbox_.queue().pushUncounted(frame);
    }
    backlogWaits_ = true;
    readAsWanted();
    markDirty();
}

void Session::sendOutput(const proto::Frame& frame) {
    if (closing_) return;
    trace(frame);
    outbox_.queue().pushOutput(frame);
    markDirty();
}

void Session::trace(const proto::Frame& frame) const {
    if (log::enabled(log::Level::trace))
        log::trace("connection {} > {}", connectionId_, describe(frame));
}

void Session::close(const proto::Farewell& farewell) {
    close(farewell, retryAfter);
}

void Session::close(const proto::Farewell& farewell, std::chrono::milliseconds wait) {
    if (closing_) return;
    const common::Now now = common::readClocks();
    outbox_.queue().pushUncounted(
        proto::encode(proto::AgentMessage(proto::Goodbye{farewell.word, wait.count()}), now));
    // Ours and not lws_close_reason(): with libuv, libwebsockets 4.1 as Debian builds it closes
    // twice, and the second time drops the frame that the first has prepared.
    outbox_.queue().pushUncounted(
        proto::Frame::close(static_cast<std::uint16_t>(farewell.code), farewell.word));
    ++services_.counters.closed[static_cast<std::uint16_t>(farewell.code)];
    closing_ = std::make_unique<Closing>(farewell, now.mono + waitForGoodbye);
    seat_.reset();
    readAsWanted();
    markDirty();
}

void Session::markDirty() {
    if (dirty_ || dead_) return;
    dirty_ = true;
    services_.dirty.push_back(this);
}

void Session::flush() {
    dirty_ = false;
    leave();
}

void Session::writeable() {
    // Its buffers were full and have room again: it reads, even if its pong is still behind.
    heartbeat_.heard(common::readClocks().mono);
    const bool asked = outbox_.writeable();
    if (!asked && !closing_ &&
        !inbox_.takePing(lws_get_socket_fd(socket_), services_.settings.budget,
                         common::readClocks().mono))
        refuseToHear(Inbox::Trouble::tooManyBytes, common::readClocks());
    if (services_.held)
        markDirty();
    else
        leave();
}

void Session::leave() {
    if (dead_) return;
    const SendQueue& queue = outbox_.queue();
    const std::size_t output = queue.outputBytes();
    if (!outbox_.flush(services_.gather)) return hang("the connection was lost");
    if (backlogWaits_ && !queue.hasUncounted()) {
        backlogWaits_ = false;
        readAsWanted();
    }
    // It may have more: that leaves in this turn as well, or, if the turn has no time, in the next.
    if (queue.outputBytes() < output && !closing_) conversation_->drained(common::readClocks());
}

bool Session::peerCloses(unsigned code) {
    if (!closing_) peerCode_ = code;
    return closing_ != nullptr;
}

}  // namespace rollo::server
