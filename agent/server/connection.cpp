// SPDX-License-Identifier: Apache-2.0
#include "agent/server/connection.hpp"

#include <algorithm>
#include <utility>

#include <libwebsockets.h>

#include "agent/server/cors.hpp"
#include "agent/server/end_now.hpp"
#include "agent/server/forwarding.hpp"
#include "agent/server/gate.hpp"
#include "agent/server/identity.hpp"
#include "agent/server/read_request.hpp"
#include "agent/server/tls.hpp"
#include "agent/server/ws_handshake.hpp"
#include "common/log.hpp"

namespace rollo::server {
namespace {

namespace log = common::log;

constexpr std::size_t bytesAtOnce = 64 * 1024;
constexpr std::chrono::seconds waitForEnd{5};
constexpr std::chrono::seconds keepAlive{30};  ///< between two requests
constexpr lws_usec_t lookAgainUs = 2000;       ///< while nothing may leave

bool write(lws* socket, std::string_view bytes, lws_write_protocol protocol) {
    std::vector<unsigned char> buffer(LWS_PRE + bytes.size());
    std::copy(bytes.begin(), bytes.end(), buffer.begin() + LWS_PRE);
    return lws_write(socket, buffer.data() + LWS_PRE, bytes.size(), protocol) >= 0;
}

}  // namespace

bool Connection::confirmUpgrade(lws* socket, bool toWebSocket, const common::Now& now) {
    const auto refuse = [&](const Refusal& refusal) {
        return refuseUpgrade(socket, refusalReply(refusal));
    };
    if (!toWebSocket) return refuse({400, "only an upgrade to WebSocket is known"});
    if (peer_.publisher) return refuse({404, "there is nothing at this path"});
    Request request = read(socket);
    if (const auto refusal = look(request, now)) return refuse(*refusal);
    if (const auto refusal = refuseHandshake(request)) return refuse(*refusal);
    peer_ = request.peer;  // for good: a WebSocket is one client's
    if (const auto refused = join(now)) return refuseUpgrade(socket, turnAwayReply(*refused));
    auto opening = readOpening(request);
    if (!opening) return refuse(opening.error());
    handshake_ = std::make_unique<Session::Handshake>();
    handshake_->opening = std::move(*opening);
    handshake_->path = loggable(request.path);
    const std::string* auth = request.argument("auth");
    handshake_->authByMessage = auth && *auth == "message" && !request.token() && !request.ticket();
    if (handshake_->authByMessage) return true;
    handshake_->identity = identify(request, services_, now);
    auto* console = std::get_if<core::ConsoleViewer::Opening>(&handshake_->opening);
    if (console && handshake_->identity.readOnly) console->readOnly = true;
    return true;
}

Connection::~Connection() {
    if (joined_) services_.admission.part(peer_.address);
}

Request Connection::read(lws* socket) const {
    Request request = readRequest(socket, peer_);
    // A token stands alone. A proxy's certificate is not its clients'.
    if (services_.tls && peer_.tls && !peer_.proxy && !request.token())
        request.certificate = services_.tls->certificateOf(lws_get_ssl(socket));
    return request;
}

void Connection::awaitHandshake(int socket) {
    if (!services_.tls) return;
    handshakeOn_ = socket;
    services_.tls->await(socket);
}

void Connection::destroyed(const common::Now& now) {
    if (handshakeOn_ && services_.tls)
        if (const auto alert = services_.tls->failureOf(*handshakeOn_); alert && !tooLate_)
            services_.refusals.note(Refused::tlsHandshake, peer_.text, now.mono, *alert);
    gone_(*this);
}

std::optional<Refusal> Connection::look(Request& request, const common::Now& now) {
    const auto speaker = speakerOf(request, services_.settings.trustedProxies);
    if (!speaker) {
        services_.refusals.note(Refused::forwarded, peer_.text, now.mono);
        return speaker.error();
    }
    request.peer = *speaker;
    const auto passed = passGate(request, services_.settings);
    if (passed) return std::nullopt;
    services_.refusals.note(passed.error().reason, request.peer.text, now.mono);
    return passed.error().refusal;
}

std::optional<Refused> Connection::join(const common::Now& now) {
    if (!peer_.proxy) return std::nullopt;
    const auto refused = services_.admission.join(peer_.address, now.mono);
    if (refused) services_.refusals.note(*refused, peer_.text, now.mono);
    joined_ = !refused;
    return refused;
}

bool Connection::refuseUpgrade(lws* socket, Reply reply) {
    reply.headers += "connection: close\r\n";
    log::debug("{}: upgrade refused with {}", peer_.text, reply.status);
    write(socket, head(reply) + reply.body, LWS_WRITE_HTTP_FINAL);
    return false;
}

void Connection::begin(lws* socket) {
    socket_ = socket;
    // The first request may have come and gone already.
    if (awaited_ == Awaited::nothing && !session_)
        await(Awaited::firstRequest, services_.settings.requestTime);
}

void Connection::abandon() {
    await(Awaited::end, waitForEnd);
}

void Connection::await(Awaited awaited, std::chrono::seconds time) {
    awaited_ = awaited;
    deadline_ = common::readClocks().mono + time;
}

void Connection::tick(const common::Now& now) {
    if (session_) return session_->tick(now);
    if (awaited_ == Awaited::nothing || now.mono < deadline_ || !socket_) return;
    if (awaited_ == Awaited::firstRequest || awaited_ == Awaited::body)
        services_.refusals.note(Refused::requestTime, peer_.text, now.mono);
    if (awaited_ == Awaited::takenReply)
        services_.refusals.note(Refused::responseTime, peer_.text, now.mono);
    awaited_ = Awaited::nothing;
    tooLate_ = true;
    endNow(socket_);
}

void Connection::upgraded(lws* socket, const common::Now& now) {
    awaited_ = Awaited::nothing;
    // Libwebsockets has chosen: of what the client offered, the first that it knows.
    if (auto* console = std::get_if<core::ConsoleViewer::Opening>(&handshake_->opening))
        console->binary = lws_get_protocol(socket)->name == consoleSubprotocol;
    session_ = std::make_unique<Session>(socket, services_, peer_, budget_, std::move(handshake_));
    session_->open(now);
}

void Connection::request(lws* socket, const common::Now& now) {
    Request request = read(socket);
    if (auto reply = replyToHead(request, now))
        say(socket, request, std::move(*reply));
    else
        awaitBody(socket, std::move(request));
}

void Connection::awaitBody(lws* socket, Request request) {
    // RFC 9110 §10.1.1: it waits for this before it sends the body.
    if (request.expectsContinue && request.http11)
        write(socket, "HTTP/1.1 100 Continue\r\n\r\n", LWS_WRITE_HTTP);
    unfinished_ = std::make_unique<Request>(std::move(request));
    await(Awaited::body, services_.settings.requestTime);
}

void Connection::takeBody(std::string_view piece) {
    if (unfinished_) unfinished_->content += piece;
}

void Connection::endBody(lws* socket, const common::Now& now) {
    if (!unfinished_) return;
    const auto request = std::exchange(unfinished_, nullptr);
    say(socket, *request, finished(answer(*request, services_, now), *request, now));
}

void Connection::say(lws* socket, const Request& request, Reply reply) {
    // A body that is not read must not be taken for another request; and what comes behind one that
    // was read, while its answer waits, makes libwebsockets 4.1 turn round and round.
    // Libwebsockets 4.1 also passes over header lines that are none (`Content-Length :`), and with
    // them over a body that a proxy might have seen: of what a proxy sends for its clients, nothing
    // may be answered to another one.
    lastReply_ = request.body || errorsSpent_ || request.peer.proxy;
    if (lastReply_) reply.headers += "connection: close\r\n";
    log::debug("{} {} {} from {}", reply.status, request.method, loggable(request.path),
               request.peer.text);
    reply_ = head(reply);
    written_ = 0;
    if (request.method != "HEAD") reply_ += reply.body;
    beginReply(socket);
}

void Connection::beginReply(lws* socket) {
    await(Awaited::takenReply, services_.settings.responseTime);
    if (services_.held)
        lws_set_timer_usecs(socket, lookAgainUs);
    else
        lws_callback_on_writable(socket);
}

std::optional<Reply> Connection::replyToHead(Request& request, const common::Now& now) {
    if (const auto refusal = look(request, now)) return refusalReply(*refusal);
    if (!takeRequest(request.peer, now)) return finished(tooFastReply(request, now), request, now);
    auto reply = isPreflight(request) ? preflightReply() : answerHead(request, services_, now);
    if (!reply) return std::nullopt;
    return finished(std::move(*reply), request, now);
}

bool Connection::takeRequest(const Peer& client, const common::Now& now) {
    // A proxy's connection carries the requests of many, and each of them comes by many.
    return client.proxy ? services_.admission.takeRequest(client.address, now.mono)
                        : budget_.takeMessage(services_.settings.budget, now.mono);
}

Reply Connection::finished(Reply reply, const Request& request, const common::Now& now) {
    // A bad token costs an error, as by WebSocket; but a proxy's connection is not its clients'.
    if (reply.status == 401 && !request.peer.proxy &&
        !budget_.takeError(services_.settings.budget, now.mono)) {
        services_.refusals.note(Refused::errors, request.peer.text, now.mono);
        errorsSpent_ = true;
    }
    if (!request.origin) return reply;
    if (const auto passed = passGate(request, services_.settings))
        allowOrigin(reply, *passed, *request.origin);
    return reply;
}

Reply Connection::tooFastReply(const Request& request, const common::Now& now) {
    services_.refusals.note(Refused::messageRate, request.peer.text, now.mono);
    return laterReply({429, "requests come too fast"}, std::chrono::seconds(1));
}

bool Connection::writeReply(lws* socket) {
    if (reply_.empty()) return true;
    const std::string_view rest = std::string_view(reply_).substr(written_);
    const std::size_t size = std::min(rest.size(), bytesAtOnce);
    const bool last = size == rest.size();
    if (!write(socket, rest.substr(0, size), last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP))
        return false;
    written_ += size;
    if (last) std::string().swap(reply_);
    await(last ? Awaited::furtherRequest : Awaited::takenReply,
          last ? keepAlive : services_.settings.responseTime);
    if (last) return !lastReply_ && lws_http_transaction_completed(socket) == 0;
    lws_callback_on_writable(socket);
    return true;
}

}  // namespace rollo::server
