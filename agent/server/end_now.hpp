// SPDX-License-Identifier: Apache-2.0
#pragma once

struct lws;

namespace rollo::server {

/// Ends a connection from outside of its callbacks: nothing more is said, and libwebsockets lets go
/// of it as soon as it is back in its loop.
void endNow(lws* socket);

}  // namespace rollo::server
