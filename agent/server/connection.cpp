// SPDX-License-Identifier: Apache-2.0
#include "agent/server/connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <libwebsockets.h>

#include "common/log.hpp"

namespace rollo::server {
namespace {

namespace log = common::log;

constexpr std::size_t bytesAtOnce = 64 * 1024;
constexpr lws_usec_t lookAgainUs = 2000;  ///< while nothing may leave
constexpr std::string_view bearerPrefix = "Bearer ";

std::string header(lws* socket, lws_token_indexes token) {
    const int length = lws_hdr_total_length(socket, token);
    if (length <= 0) return {};
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    const int copied = lws_hdr_copy(socket, text.data(), static_cast<int>(text.size()), token);
    text.resize(copied > 0 ? static_cast<std::size_t>(copied) : 0);
    return text;
}

/// libwebsockets has decoded the arguments and parted them.
std::vector<std::pair<std::string, std::string>> arguments(lws* socket) {
    std::vector<std::pair<std::string, std::string>> query;
    std::array<char, 4096> buffer{};
    for (int i = 0;; ++i) {
        const int length =
            lws_hdr_copy_fragment(socket, buffer.data(), buffer.size(), WSI_TOKEN_HTTP_URI_ARGS, i);
        if (length < 0) return query;
        const std::string_view text(buffer.data(), static_cast<std::size_t>(length));
        const auto equals = text.find('=');
        query.emplace_back(text.substr(0, equals), equals == std::string_view::npos
                                                       ? std::string_view()
                                                       : text.substr(equals + 1));
    }
}

Request readRequest(lws* socket) {
    struct Method {
        lws_token_indexes token;
        std::string_view name;
    };
    static constexpr std::array methods = {
        Method{WSI_TOKEN_GET_URI, "GET"},         Method{WSI_TOKEN_HEAD_URI, "HEAD"},
        Method{WSI_TOKEN_POST_URI, "POST"},       Method{WSI_TOKEN_PUT_URI, "PUT"},
        Method{WSI_TOKEN_DELETE_URI, "DELETE"},   Method{WSI_TOKEN_PATCH_URI, "PATCH"},
        Method{WSI_TOKEN_OPTIONS_URI, "OPTIONS"},
    };
    Request request;
    for (const auto& method : methods) {
        if (lws_hdr_total_length(socket, method.token) <= 0) continue;
        request.method = method.name;
        request.path = header(socket, method.token);
        break;
    }
    request.query = arguments(socket);
    const std::string authorization = header(socket, WSI_TOKEN_HTTP_AUTHORIZATION);
    if (authorization.starts_with(bearerPrefix))
        request.bearer = authorization.substr(bearerPrefix.size());
    return request;
}

bool write(lws* socket, std::string_view bytes, lws_write_protocol protocol) {
    std::vector<unsigned char> buffer(LWS_PRE + bytes.size());
    std::copy(bytes.begin(), bytes.end(), buffer.begin() + LWS_PRE);
    return lws_write(socket, buffer.data() + LWS_PRE, bytes.size(), protocol) >= 0;
}

}  // namespace

bool Connection::confirmUpgrade(lws* socket, bool toWebSocket, const common::Now& now) {
    if (!toWebSocket) return refuseUpgrade(socket, {400, "only an upgrade to WebSocket is known"});
    const Request request = readRequest(socket);
    auto endpoint = eventEndpoint(request.path);
    if (!endpoint) return refuseUpgrade(socket, {404, "there is no such endpoint"});
    auto opening = readOpening(std::move(*endpoint), request);
    if (!opening) return refuseUpgrade(socket, opening.error());
    handshake_.emplace();
    handshake_->opening = std::move(*opening);
    handshake_->path = request.path;
    handshake_->peer = peer_;
    const std::string* auth = request.argument("auth");
    handshake_->authByMessage = auth && *auth == "message" && !request.token();
    if (handshake_->authByMessage) return true;
    handshake_->tokenGiven = request.token() != nullptr;
    Identity identity = identify(request.token(), services_, now);
    if (!identity.principal)
        log::info("{} to {}: not let in: {}", peer_, request.path, identity.error);
    handshake_->principal = std::move(identity.principal);
    return true;
}

bool Connection::refuseUpgrade(lws* socket, const Refusal& refusal) {
    const Reply reply = refusalReply(refusal);
    log::info("{}: upgrade refused with {}: {}", peer_, refusal.status, refusal.message);
    write(socket, head(reply) + reply.body, LWS_WRITE_HTTP_FINAL);
    return false;
}

void Connection::upgraded(lws* socket, const common::Now& now) {
    session_ = std::make_unique<Session>(socket, services_, std::move(*handshake_));
    handshake_.reset();
    session_->open(now);
}

void Connection::request(lws* socket, const common::Now& now) {
    const Request request = readRequest(socket);
    const Reply reply = answer(request, services_, now);
    log::debug("{} {} {} from {}", reply.status, request.method, request.path, peer_);
    reply_ = head(reply);
    if (request.method != "HEAD") reply_ += reply.body;
    beginReply(socket);
}

void Connection::beginReply(lws* socket) {
    if (services_.held)
        lws_set_timer_usecs(socket, lookAgainUs);
    else
        lws_callback_on_writable(socket);
}

bool Connection::writeReply(lws* socket) {
    if (reply_.empty()) return true;
    const std::size_t size = std::min(reply_.size(), bytesAtOnce);
    const bool last = size == reply_.size();
    if (!write(socket, std::string_view(reply_).substr(0, size),
               last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP))
        return false;
    reply_.erase(0, size);
    if (last) return lws_http_transaction_completed(socket) == 0;
    lws_callback_on_writable(socket);
    return true;
}

}  // namespace rollo::server
