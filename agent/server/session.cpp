// SPDX-License-Identifier: Apache-2.0
#include "agent/server/session.hpp"

#include <utility>

#include <libwebsockets.h>

#include "agent/server/converse.hpp"
#include "agent/server/end_now.hpp"
#include "agent/server/frame_trace.hpp"
#include "agent/server/line.hpp"
#include "common/log.hpp"
#include "common/random.hpp"
#include "common/utf8.hpp"
#include "proto/codec.hpp"

namespace rollo::server {
namespace {

namespace log = common::log;
namespace farewell = proto::farewell;

constexpr std::chrono::seconds waitForGoodbye{5};
constexpr std::chrono::seconds waitForAck{3};
constexpr std::chrono::milliseconds retryAfter{1000};

}  // namespace

Session::Session(lws* socket, Services& services, Budget& budget,
                 std::unique_ptr<Handshake> handshake)
    : socket_(socket),
      services_(services),
      budget_(budget),
      outbox_(socket, services.counters.sent),
      inbox_(budget),
      handshake_(std::move(handshake)),
      path_(std::move(handshake_->path)),
      peer_(std::move(handshake_->peer)),
      connectionId_(common::randomHex(8)) {}

Session::~Session() {
    if (dirty_) std::erase(services_.dirty, this);
    services_.counters.conflated += conflated();
    const auto end =
        closing_ ? fmt::format("closed with {}: {}", static_cast<int>(closing_->farewell.code),
                               closing_->farewell.word)
        : peerCode_ != 0 ? fmt::format("the client closed with {}", peerCode_)
                         : std::string("the connection was lost");
    const std::string user = conversation_ ? conversation_->principal().user.value_or("anonymous")
                                           : std::string("nobody");
    // Who has never been anybody may come as often as it likes: Refusals tells of those.
    log::write(conversation_ ? log::Level::info : log::Level::debug,
               fmt::format("connection {} of {} from {} to {} ended: {}", connectionId_, user,
                           peer_, path_, end),
               {{"ROLLO_CONNECTION", connectionId_},
                {"ROLLO_USER", user},
                {"ROLLO_ADDRESS", peer_},
                {"ROLLO_ENDPOINT", path_},
                {"ROLLO_END", end}});
}

void Session::open(const common::Now& now) {
    opened_ = now.mono;
    heartbeat_.heard(now.mono);
    if (handshake_->principal) return begin(std::move(*handshake_->principal), now);
    if (handshake_->authByMessage) return;
    close(handshake_->tokenGiven ? farewell::tokenInvalid : farewell::tokenMissing);
}

void Session::begin(core::Principal principal, const common::Now& now) {
    conversation_ = converse(std::move(handshake_->opening), std::move(principal), connectionId_,
                             peer_, services_, *this);
    handshake_.reset();
    if (const auto refusal = conversation_->refusal()) return close(*refusal);
    log::debug("connection {} of {} from {} opened {}", connectionId_,
               conversation_->principal().user.value_or("anonymous"), peer_, path_);
    conversation_->open(now);
}

// --- what arrives --------------------------------------------------------------------------------

void Session::receive(std::string_view piece, bool binary, bool last, const common::Now& now) {
    heartbeat_.heard(now.mono);
    services_.counters.received.bytes += piece.size();
    if (last) ++services_.counters.received.messages;
    if (closing_ || dead_) return;
    const auto& settings = services_.settings;
    auto message =
        inbox_.take(piece, binary, last, settings.maxMessageBytes, settings.budget, now.mono);
    if (!message) return refuseToHear(message.error(), now);
    if (!*message) return;
    if (!(*message)->binary) return handleText((*message)->bytes(), now);
    log::trace("connection {} < {} bytes", connectionId_, (*message)->bytes().size());
    if (!conversation_ || !conversation_->handleBytes((*message)->bytes(), now))
        close(farewell::binaryNotAllowed);
}

void Session::heardPong(std::size_t bytes, const common::Now& now) {
    heartbeat_.heard(now.mono);
    if (!closing_ && !budget_.takeBytes(bytes, services_.settings.budget, now.mono))
        refuseToHear(Inbox::Trouble::tooManyBytes, now);
}

void Session::refuseToHear(Inbox::Trouble trouble, const common::Now& now) {
    switch (trouble) {
        case Inbox::Trouble::tooLarge:
            return close(farewell::messageTooLarge);
        case Inbox::Trouble::tooManyBytes:
            return closeForAbuse(Refused::byteRate, farewell::rateLimited, now);
        case Inbox::Trouble::tooManyMessages:
            services_.refusals.note(Refused::messageRate, peer_, now.mono);
            refuse({proto::ErrorCode::rateLimited,
                    "messages come too fast; this one was not looked at",
                    {},
                    {}},
                   now);
    }
}

void Session::handleText(std::string_view text, const common::Now& now) {
    if (!common::isUtf8(text)) return close(farewell::notUtf8);
    const auto message = proto::decode(text);
    log::trace("connection {} < {} of {} bytes", connectionId_,
               message ? proto::wireName(*message) : proto::word(message.error().code),
               text.size());
    const auto* token = message ? std::get_if<proto::Authenticate>(&*message) : nullptr;
    if (token) return authenticate(*token, now);
    if (!conversation_) return endWithoutToken(now);
    if (!message) return refuse(message.error(), now);
    conversation_->handle(*message, now);
}

void Session::authenticate(const proto::Authenticate& message, const common::Now& now) {
    auto principal = services_.verifier.verify(message.token, now);
    if (!principal) {
        services_.refusals.note(Refused::token, peer_, now.mono, auth::describe(principal.error()));
        if (!conversation_) return close(farewell::tokenInvalid);
        return refuse({proto::ErrorCode::invalidToken, "the token is not valid", "auth", {}}, now);
    }
    if (!conversation_) return begin(std::move(*principal), now);
    conversation_->renew(std::move(*principal), now);
}

void Session::endWithoutToken(const common::Now& now) {
    services_.refusals.note(Refused::token, peer_, now.mono, "none came");
    close(farewell::tokenMissing);
}

void Session::tell(const proto::Error& error, const common::Now& now) {
    services_.counters.count(error.code);
    send(proto::encode(proto::AgentMessage(error), now));
}

void Session::refuse(const proto::Error& error, const common::Now& now) {
    tell(error, now);
    if (closing_ || budget_.takeError(services_.settings.budget, now.mono)) return;
    const bool tooFast = error.code == proto::ErrorCode::rateLimited;
    closeForAbuse(Refused::errors, tooFast ? farewell::rateLimited : farewell::tooManyErrors, now);
}

void Session::closeForAbuse(Refused reason, const proto::Farewell& farewell,
                            const common::Now& now) {
    services_.refusals.note(reason, peer_, now.mono);
    close(farewell, budget_.untilFull(services_.settings.budget, now.mono));
}

// --- what leaves ---------------------------------------------------------------------------------

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

// --- reading and not reading ---------------------------------------------------------------------

void Session::listen(bool on) {
    listening_ = on;
    readAsWanted();
}

/// What the client sends while it is not read waits in its own socket.
void Session::readAsWanted() {
    // At the end its answer to the closing frame is waited for.
    const bool wanted = closing_ || (listening_ && !backlogWaits_);
    if (reading_ == wanted || dead_) return;
    reading_ = wanted;
    lws_rx_flow_control(socket_, wanted ? 1 : 0);
}

/// Nothing more can be said on this socket: libwebsockets ends it as soon as it is back in its
/// loop.
void Session::hang(std::string_view reason) {
    if (dead_) return;
    dead_ = true;
    log::debug("connection {}: {}", connectionId_, reason);
    endNow(socket_);
}

// --- time ----------------------------------------------------------------------------------------

void Session::tick(const common::Now& now) {
    if (dead_) return;
    if (closing_) {
        if (now.mono >= closing_->deadline) hang("goodbye was not taken in time");
        return;
    }
    if (!conversation_) {
        if (now.mono - opened_ >= services_.settings.authTime) endWithoutToken(now);
        return;
    }
    lookAtHeartbeat(now);
    if (!listening_) lookAtLine();
    if (inbox_.isFlooded(lws_get_socket_fd(socket_), reading_, services_.settings.budget, now.mono))
        refuseToHear(Inbox::Trouble::tooManyBytes, now);
    if (closing_ || dead_) return;
    if (const auto lag = outbox_.tick(now.mono)) {
        outbox_.queue().pushUncounted(proto::encode(proto::AgentMessage(*lag), now));
        markDirty();
    }
    conversation_->tick(now);
}

void Session::lookAtHeartbeat(const common::Now& now) {
    switch (heartbeat_.tick(now.mono, services_.settings.heartbeat, listening_)) {
        case Heartbeat::Due::nothing:
            return;
        case Heartbeat::Due::end:
            return close(farewell::noPong);
        case Heartbeat::Due::ping:
            outbox_.queue().pushUncounted(proto::Frame::ping());
            markDirty();
    }
}

/// Of a client that is not read neither a pong nor its end is seen.
void Session::lookAtLine() {
    // It is sent a ping with each heartbeat, and every ping is acknowledged.
    switch (lineOf(lws_get_socket_fd(socket_), 2 * services_.settings.heartbeat + waitForAck)) {
        case Line::good:
            return;
        case Line::silent:
            return close(farewell::noPong);
        case Line::broken:
            return hang("the connection was lost");
    }
}

}  // namespace rollo::server
