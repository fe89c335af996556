// SPDX-License-Identifier: Apache-2.0
#include "agent/server/ws_protocol.hpp"

#include <exception>
#include <string_view>

#include <libwebsockets.h>

#include "agent/server/connection.hpp"
#include "agent/server/opening.hpp"
#include "agent/server/server.hpp"
#include "agent/server/tls.hpp"
#include "common/log.hpp"

namespace rollo::server {
namespace {

constexpr int proceed = 0;
constexpr int closeIt = -1;
constexpr int answered = 1;  ///< an upgrade was refused and the reply is written

/// Small: messages of clients are, and each connection holds one. Large frames leave whole.
constexpr std::size_t receiveBytes = 256;
/// Of consoles there are few, and what is pasted there is not small.
constexpr std::size_t consoleReceiveBytes = 4096;
constexpr std::size_t sendBytes = 256 * 1024;

std::string_view text(const void* in, std::size_t length) {
    return {static_cast<const char*>(in), length};
}

unsigned closeCode(std::string_view payload) {
    if (payload.size() < 2) return 1005;
    return static_cast<unsigned>(static_cast<unsigned char>(payload[0]) << 8 |
                                 static_cast<unsigned char>(payload[1]));
}

int receive(lws* socket, Session& session, std::string_view piece) {
    const bool last = lws_is_final_fragment(socket) && lws_remaining_packet_payload(socket) == 0;
    session.receive(piece, lws_frame_is_binary(socket) != 0, last, common::readClocks());
    return proceed;
}

int dispatch(lws* socket, Connection& connection, lws_callback_reasons reason, void* in,
             std::size_t length) {
    Session* session = connection.session();
    switch (reason) {
        case LWS_CALLBACK_HTTP:
            connection.request(socket, common::readClocks());
            return proceed;
        case LWS_CALLBACK_HTTP_BODY:
            connection.takeBody(text(in, length));
            return proceed;
        case LWS_CALLBACK_HTTP_BODY_COMPLETION:
            connection.endBody(socket, common::readClocks());
            return proceed;
        case LWS_CALLBACK_TIMER:
            connection.beginReply(socket);
            return proceed;
        case LWS_CALLBACK_HTTP_WRITEABLE:
            return connection.writeReply(socket) ? proceed : closeIt;
        case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
            return connection.confirmUpgrade(
                       socket, std::string_view(static_cast<char*>(in)) == "websocket",
                       common::readClocks())
                       ? proceed
                       : answered;
        case LWS_CALLBACK_ESTABLISHED:
            connection.upgraded(socket, common::readClocks());
            return proceed;
        case LWS_CALLBACK_RECEIVE:
            return session ? receive(socket, *session, text(in, length)) : closeIt;
        case LWS_CALLBACK_RECEIVE_PONG:
            if (session) session->heardPong(length, common::readClocks());
            return proceed;
        case LWS_CALLBACK_SERVER_WRITEABLE:
            if (session) session->writeable();
            return proceed;
        case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
            return session && session->peerCloses(closeCode(text(in, length))) ? closeIt : proceed;
        case LWS_CALLBACK_WSI_DESTROY:
            connection.destroyed(common::readClocks());
            return proceed;
        default:
            return proceed;
    }
}

/// No exception may cross libwebsockets, which is C.
int callback(lws* socket, lws_callback_reasons reason, void*, void* in,
             std::size_t length) noexcept {
    auto* connection = static_cast<Connection*>(lws_get_opaque_user_data(socket));
    if (!connection) return proceed;
    try {
        return dispatch(socket, *connection, reason, in, length);
    } catch (const std::exception& error) {
        common::log::error("a connection was dropped: {}", error.what());
        return closeIt;
    }
}

int entry(lws* socket, lws_callback_reasons reason, void* user, void* in, std::size_t length) {
    if (!socket) return proceed;
    if (reason == LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) {
        // `user` is the SSL_CTX of a virtual host that is being made.
        auto* tls = static_cast<Tls*>(lws_context_user(lws_get_context(socket)));
        if (tls) tls->prepare(static_cast<ssl_ctx_st*>(user));
        return proceed;
    }
    return callback(socket, reason, user, in, length);
}

}  // namespace

const lws_protocols* wsProtocols() {
    static const lws_protocols protocols[] = {
        {"rollo", entry, 0, receiveBytes, 0, nullptr, sendBytes},
        {consoleSubprotocol.data(), entry, 0, consoleReceiveBytes, 0, nullptr, sendBytes},
        {nullptr, nullptr, 0, 0, 0, nullptr, 0},
    };
    return protocols;
}

}  // namespace rollo::server
