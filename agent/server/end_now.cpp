// SPDX-License-Identifier: Apache-2.0
#include "agent/server/end_now.hpp"

#include <sys/socket.h>

#include <libwebsockets.h>

namespace rollo::server {

void endNow(lws* socket) {
    // Else libwebsockets would first try for half a minute to get rid of what it holds.
    ::shutdown(lws_get_socket_fd(socket), SHUT_RDWR);
    lws_set_timeout(socket, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
    // A socket that is not read is not watched either, and it is an event that lets libwebsockets
    // look at its timeouts.
    lws_callback_on_writable(socket);
}

}  // namespace rollo::server
