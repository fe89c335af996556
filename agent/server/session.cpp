// SPDX-License-Identifier: Apache-2.0
#include "agent/server/session.hpp"

#include <utility>

#include <libwebsockets.h>

#include "agent/server/converse.hpp"
#include "agent/server/end_now.hpp"
#include "agent/server/identity.hpp"
#include "agent/server/line.hpp"
#include "common/log.hpp"
#include "common/random.hpp"
#include "common/utf8.hpp"
#include "proto/codec.hpp"

namespace rollo::server {
namespace {

namespace log = common::log;
namespace farewell = proto::farewell;

constexpr std::chrono::seconds waitForAck{3};
constexpr std::chrono::seconds waitForRoom{5};  ///< where a user has too many already

}  // namespace

Session::Session(lws* socket, Services& services, const Peer& peer, Budget& budget,
                 std::unique_ptr<Handshake> handshake)
    : socket_(socket),
      services_(services),
      budget_(budget),
      outbox_(socket, services.counters.sent),
      inbox_(budget),
      handshake_(std::move(handshake)),
      path_(std::move(handshake_->path)),
      peer_(peer),
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
                           peer_.text, path_, end),
               {{"ROLLO_CONNECTION", connectionId_},
                {"ROLLO_USER", user},
                {"ROLLO_ADDRESS", peer_.text},
                {"ROLLO_ENDPOINT", path_},
                {"ROLLO_END", end}});
}

void Session::open(const common::Now& now) {
    opened_ = now.mono;
    heartbeat_.heard(now.mono);
    auto& identity = handshake_->identity;
    if (identity.principal) return begin(std::move(*identity.principal), now);
    if (!handshake_->authByMessage) close(identity.farewell, identity.wait);
}

void Session::begin(core::Principal principal, const common::Now& now) {
    conversation_ = converse(std::move(handshake_->opening), std::move(principal), connectionId_,
                             peer_.text, services_, *this);
    handshake_.reset();
    // Between the handshake and now it may have come to stand in the deny list.
    if (const auto revoked = revocation(conversation_->principal(), services_))
        return close(*revoked);
    if (const auto refusal = conversation_->refusal()) return close(*refusal);
    if (!takeSeat(conversation_->principal(), now)) return;
    if (conversation_->isOneTooMany()) {
        services_.refusals.note(Refused::consolesPerUser, peer_.text, now.mono);
        return close(farewell::tooManyConsoles, waitForRoom);
    }
    log::debug("connection {} of {} from {} opened {}", connectionId_,
               conversation_->principal().user.value_or("anonymous"), peer_.text, path_);
    conversation_->open(now);
}

bool Session::takeSeat(const core::Principal& principal, const common::Now& now) {
    if (!principal.user || seat_) return true;
    seat_ = services_.seats.take(*principal.user, services_.settings.connectionsPerUser);
    if (seat_) return true;
    services_.refusals.note(Refused::connectionsPerUser, peer_.text, now.mono);
    close(farewell::tooManyConnections, waitForRoom);
    return false;
}

// --- what arrives --------------------------------------------------------------------------------

void Session::receive(std::string_view piece, bool binary, bool last, const common::Now& now) {
    heartbeat_.heard(now.mono);
    services_.counters.received.bytes += piece.size();
    if (last) ++services_.counters.received.messages;
    if (closing_ || dead_) return;
    const auto& settings = services_.settings;
    auto message =
        inbox_.take(piece, binary, last, settings.terms.maxMessageBytes, settings.budget, now.mono);
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
            services_.refusals.note(Refused::messageRate, peer_.text, now.mono);
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
    if (!conversation_) return endWithoutToken(Refused::token, now);
    if (!message) return refuse(message.error(), now);
    conversation_->handle(*message, now);
}

void Session::authenticate(const proto::Authenticate& message, const common::Now& now) {
    Identity identity = identifyByToken(message.token, peer_, services_, now);
    if (!identity.principal) return refuseToken(identity, now);
    if (!conversation_) return begin(std::move(*identity.principal), now);
    if (takeSeat(*identity.principal, now))
        conversation_->renew(std::move(*identity.principal), now);
}

void Session::refuseToken(const Identity& nobody, const common::Now& now) {
    using proto::ErrorCode;
    if (!conversation_) return close(nobody.farewell, nobody.wait);
    if (nobody.reason == Refused::tokenRate)
        return refuse(
            {ErrorCode::rateLimited, "too many bad tokens have come from this address", "auth", {}},
            now);
    refuse({ErrorCode::invalidToken, "the token is not valid", "auth", {}}, now);
}

void Session::endWithoutToken(Refused reason, const common::Now& now) {
    services_.refusals.note(reason, peer_.text, now.mono);
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
    services_.refusals.note(reason, peer_.text, now.mono);
    close(farewell, budget_.untilFull(services_.settings.budget, now.mono));
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
        if (now.mono - opened_ >= services_.settings.authTime)
            endWithoutToken(Refused::authTime, now);
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
    switch (heartbeat_.tick(now.mono, services_.settings.terms.heartbeat, listening_)) {
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
    switch (
        lineOf(lws_get_socket_fd(socket_), 2 * services_.settings.terms.heartbeat + waitForAck)) {
        case Line::good:
            return;
        case Line::silent:
            return close(farewell::noPong);
        case Line::broken:
            return hang("the connection was lost");
    }
}

}  // namespace rollo::server
