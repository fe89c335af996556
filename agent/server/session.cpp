// SPDX-License-Identifier: Apache-2.0
#include "agent/server/session.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <libwebsockets.h>

#include "agent/server/end_now.hpp"
#include "agent/server/received_bytes.hpp"
#include "common/log.hpp"
#include "common/random.hpp"
#include "common/utf8.hpp"
#include "proto/codec.hpp"

namespace rollo::server {
namespace {

namespace log = common::log;
namespace farewell = proto::farewell;

constexpr std::chrono::seconds waitForAuth{10};
constexpr std::chrono::seconds waitForGoodbye{5};
constexpr std::chrono::seconds betweenLags{5};
constexpr std::chrono::seconds betweenLooks{5};
constexpr std::chrono::seconds betweenRests{60};
constexpr std::chrono::milliseconds retryAfter{1000};

std::string_view piece(std::string_view text, std::string_view before, std::string_view end) {
    const auto from = text.find(before);
    if (from == std::string_view::npos) return {};
    text.remove_prefix(from + before.size());
    return text.substr(0, text.find_first_of(end));
}

}  // namespace

Session::Session(lws* socket, Services& services, Budget& budget,
                 std::unique_ptr<Handshake> handshake)
    : socket_(socket),
      services_(services),
      budget_(budget),
      handshake_(std::move(handshake)),
      path_(std::move(handshake_->path)),
      peer_(std::move(handshake_->peer)),
      connectionId_(common::randomHex(8)) {}

Session::~Session() {
    if (dirty_) std::erase(services_.dirty, this);
    const auto end =
        closing_ ? fmt::format("closed with {}: {}", static_cast<int>(closing_->farewell.code),
                               closing_->farewell.word)
        : peerCode_ != 0 ? fmt::format("the client closed with {}", peerCode_)
                         : std::string("the connection was lost");
    const std::string user =
        client_ ? client_->principal().user.value_or("anonymous") : std::string("nobody");
    // Who has never been anybody may come as often as it likes: Refusals tells of those.
    log::write(client_ ? log::Level::info : log::Level::debug,
               fmt::format("connection {} of {} from {} to {} ended: {}", connectionId_, user,
                           peer_, path_, end),
               {{"ROLLO_CONNECTION", connectionId_},
                {"ROLLO_USER", user},
                {"ROLLO_ADDRESS", peer_},
                {"ROLLO_ENDPOINT", path_},
                {"ROLLO_END", end}});
}

void Session::open(const common::Now& now) {
    opened_ = lastHeard_ = lastPing_ = lastLook_ = now.mono;
    if (handshake_->principal) return begin(std::move(*handshake_->principal), now);
    if (handshake_->authByMessage) return;
    close(handshake_->tokenGiven ? farewell::tokenInvalid : farewell::tokenMissing);
}

void Session::begin(core::Principal principal, const common::Now& now) {
    core::Client::Terms terms;
    terms.maxRules = services_.settings.maxRules;
    terms.maxMessageBytes = services_.settings.maxMessageBytes;
    terms.heartbeat = services_.settings.heartbeat;
    handshake_->opening.connectionId = connectionId_;
    client_.emplace(std::move(handshake_->opening), std::move(principal), terms, services_.hub,
                    services_.state, *this);
    handshake_.reset();
    if (const auto refusal = client_->refusal()) return close(*refusal);
    log::debug("connection {} of {} from {} opened {}", connectionId_,
               client_->principal().user.value_or("anonymous"), peer_, path_);
    client_->open(now);
}

// --- what arrives --------------------------------------------------------------------------------

void Session::receive(std::string_view piece, bool binary, bool last, const common::Now& now) {
    lastHeard_ = now.mono;
    if (closing_ || !mayHear(piece.size(), now)) return;
    if (message_.empty()) messageBinary_ = binary;
    if (message_.size() + piece.size() > services_.settings.maxMessageBytes)
        return close(farewell::messageTooLarge);
    if (last && message_.empty()) {
        handle(piece, now);
        return;
    }
    message_ += piece;
    if (!last) return;
    const std::string whole = std::exchange(message_, {});
    handle(whole, now);
}

void Session::heardPong(std::size_t bytes, const common::Now& now) {
    lastHeard_ = now.mono;
    if (!closing_) mayHear(bytes, now);
}

bool Session::mayHear(std::size_t bytes, const common::Now& now) {
    if (budget_.takeBytes(bytes, services_.settings.budget, now.mono)) return true;
    closeForAbuse(Refused::byteRate, farewell::rateLimited, now);
    return false;
}

void Session::handle(std::string_view text, const common::Now& now) {
    if (!budget_.takeMessage(services_.settings.budget, now.mono)) {
        services_.refusals.note(Refused::messageRate, peer_, now.mono);
        return refuse({proto::ErrorCode::rateLimited,
                       "messages come too fast; this one was not looked at",
                       {},
                       {}},
                      now);
    }
    if (messageBinary_) return close(farewell::binaryNotAllowed);
    if (!common::isUtf8(text)) return close(farewell::notUtf8);
    const auto message = proto::decode(text);
    log::trace("connection {} < {} of {} bytes", connectionId_,
               message ? proto::wireName(*message) : proto::word(message.error().code),
               text.size());
    const auto* token = message ? std::get_if<proto::Authenticate>(&*message) : nullptr;
    if (token) return authenticate(*token, now);
    if (!client_) return close(farewell::tokenMissing);
    if (!message) return refuse(message.error(), now);
    client_->handle(*message, now);
}

void Session::authenticate(const proto::Authenticate& message, const common::Now& now) {
    auto principal = services_.verifier.verify(message.token, now);
    if (!principal) {
        services_.refusals.note(Refused::token, peer_, now.mono, auth::describe(principal.error()));
        if (!client_) return close(farewell::tokenInvalid);
        return refuse({proto::ErrorCode::invalidToken, "the token is not valid", "auth", {}}, now);
    }
    if (!client_) return begin(std::move(*principal), now);
    client_->renew(std::move(*principal), now);
}

void Session::refuse(const proto::Error& error, const common::Now& now) {
    send(proto::encode(proto::AgentMessage(error), now));
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
    traceOut(frame);
    queue_.push(frame);
    markDirty();
    if (queue_.bytes() > services_.settings.queueBytes) giveUp();
}

void Session::giveUp() {
    queue_.clear();
    close(farewell::tooSlow);
}

void Session::sendLatest(std::uint64_t key, const proto::Frame& frame) {
    if (closing_) return;
    traceOut(frame);
    queue_.pushLatest(key, frame);
    markDirty();
}

void Session::sendBacklog(std::vector<proto::Frame> frames) {
    if (closing_) return;
    for (const auto& frame : frames) {
        traceOut(frame);
        queue_.pushUncounted(frame);
    }
    // One at a time: who asks and does not read would make them pile up without a limit.
    read(false);
    markDirty();
}

/// Whether messages of the client are taken. What it sends meanwhile waits in its own socket.
void Session::read(bool on) {
    if (reading_ == on || dead_) return;
    reading_ = on;
    lws_rx_flow_control(socket_, on ? 1 : 0);
}

void Session::close(const proto::Farewell& farewell) {
    close(farewell, retryAfter);
}

void Session::close(const proto::Farewell& farewell, std::chrono::milliseconds wait) {
    if (closing_) return;
    const common::Now now = common::readClocks();
    queue_.pushUncounted(
        proto::encode(proto::AgentMessage(proto::Goodbye{farewell.word, wait.count()}), now));
    // Ours and not lws_close_reason(): with libuv, libwebsockets 4.1 as Debian builds it closes
    // twice, and the second time drops the frame that the first has prepared.
    queue_.pushUncounted(
        proto::Frame::close(static_cast<std::uint16_t>(farewell.code), farewell.word));
    ++services_.counters.closed[static_cast<std::uint16_t>(farewell.code)];
    closing_ = std::make_unique<Closing>(farewell, now.mono + waitForGoodbye);
    markDirty();
}

void Session::markDirty() {
    if (dirty_ || dead_) return;
    dirty_ = true;
    services_.dirty.push_back(this);
}

void Session::flush() {
    dirty_ = false;
    if (dead_) return;
    if (lws_partial_buffered(socket_)) return queue_.leaveOver();
    while (!queue_.empty())
        if (!transmit(services_.gather.take(queue_))) break;
    settle();
}

/// After a flush, whether or not everything has left.
void Session::settle() {
    if (!reading_ && !queue_.hasUncounted()) read(true);
}

void Session::writeable() {
    // Its buffers were full and have room again: it reads, even if its pong is still behind.
    lastHeard_ = common::readClocks().mono;
    if (services_.held)
        markDirty();
    else
        flush();
}

bool Session::transmit(std::string_view bytes) {
    if (!lws_is_ssl(socket_)) return transmitPlain(bytes);
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    if (lws_write(socket_, data, bytes.size(), LWS_WRITE_RAW) < 0) {
        hang("the connection was lost");
        return false;
    }
    queue_.drop(services_.gather.frames().size());
    if (!lws_partial_buffered(socket_)) return true;
    queue_.leaveOver();
    return false;
}

/// Past libwebsockets while it has nothing of its own under way: one system call for all that
/// waits. What is left of a frame that was cut goes to libwebsockets, whose own control frames then
/// come after it and not into it.
bool Session::transmitPlain(std::string_view bytes) {
    const auto sent =
        ::send(lws_get_socket_fd(socket_), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        hang("the connection was lost");
        return false;
    }
    const auto taken = static_cast<std::size_t>(sent < 0 ? 0 : sent);
    if (taken == bytes.size()) {
        queue_.drop(services_.gather.frames().size());
        return true;
    }
    const auto split = services_.gather.split(taken);
    if (split.rest > 0) {
        const auto& cut = services_.gather.frames()[split.frames];
        const std::string_view rest = cut.wire().substr(split.rest);
        auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(rest.data()));
        if (lws_write(socket_, data, rest.size(), LWS_WRITE_RAW) < 0) {
            hang("the connection was lost");
            return false;
        }
    }
    queue_.drop(split.frames + (split.rest > 0 ? 1 : 0));
    queue_.leaveOver();
    lws_callback_on_writable(socket_);
    return false;
}

bool Session::peerCloses(unsigned code) {
    if (!closing_) peerCode_ = code;
    return closing_ != nullptr;
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
    if (!client_) {
        if (now.mono - opened_ >= waitForAuth) close(farewell::tokenMissing);
        return;
    }
    const auto heartbeat = services_.settings.heartbeat;
    const bool pinged = lastPing_ > lastHeard_;
    if (pinged && now.mono - lastPing_ >= heartbeat) return close(farewell::noPong);
    if (!pinged && now.mono - lastHeard_ >= heartbeat) {
        lastPing_ = now.mono;
        queue_.pushUncounted(proto::Frame::ping());
        markDirty();
    }
    lookAtBytes(now);
    if (closing_) return;
    if (now.mono - lastRest_ >= betweenRests) {
        lastRest_ = now.mono;
        queue_.rest();
    }
    reportLag(now);
    client_->tick(now);
}

/// libwebsockets answers pings, and drops most of a flood of them, without a word to us.
void Session::lookAtBytes(const common::Now& now) {
    if (now.mono - lastLook_ < betweenLooks) return;
    lastLook_ = now.mono;
    const auto total = receivedBytes(lws_get_socket_fd(socket_));
    if (!total) return;
    const auto since = *total - std::exchange(receivedBytes_, *total);
    if (Budget::exceeds(since, betweenLooks, services_.settings.budget))
        closeForAbuse(Refused::byteRate, farewell::rateLimited, now);
}

void Session::reportLag(const common::Now& now) {
    const auto conflated = queue_.conflated();
    if (conflated == reportedConflated_ || now.mono - lastLag_ < betweenLags) return;
    const auto since = conflated - std::exchange(reportedConflated_, conflated);
    lastLag_ = now.mono;
    queue_.pushUncounted(
        proto::encode(proto::AgentMessage(proto::Lag{since, conflated, queue_.bytes()}), now));
    markDirty();
}

void Session::traceOut(const proto::Frame& frame) const {
    if (!log::enabled(log::Level::trace)) return;
    // Type and number stand at the ends of the envelope; what is between is nobody's business.
    const auto payload = frame.payload();
    const auto tail = payload.substr(payload.size() - std::min<std::size_t>(payload.size(), 40));
    const auto seq = piece(tail, "\"seq\":", "}");
    log::trace("connection {} > {} of {} bytes{}{}", connectionId_,
               piece(payload.substr(0, 64), "\"type\":\"", "\""), payload.size(),
               seq.empty() ? "" : ", seq ", seq);
}

}  // namespace rollo::server
