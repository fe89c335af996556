// SPDX-License-Identifier: Apache-2.0
#pragma once

struct lws_protocols;

namespace rollo::server {

/// The protocols of libwebsockets' virtual host, ended by an empty one: the first for who asks for
/// none, the others by their names. The connection's object is the socket's opaque user data.
const lws_protocols* wsProtocols();

}  // namespace rollo::server
