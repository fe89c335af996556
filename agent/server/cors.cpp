// SPDX-License-Identifier: Apache-2.0
#include "agent/server/cors.hpp"

#include <fmt/format.h>

namespace rollo::server {

bool isPreflight(const Request& request) {
    return request.method == "OPTIONS" && request.origin && request.preflight;
}

Reply preflightReply() {
    Reply reply;
    reply.status = 204;
    reply.headers =
        "access-control-allow-methods: GET, HEAD, POST\r\n"
        "access-control-allow-headers: authorization, content-type\r\n"
        "access-control-max-age: 600\r\n";
    return reply;
}

void allowOrigin(Reply& reply, AllowedOrigins::Kind kind, const std::string& origin) {
    using Kind = AllowedOrigins::Kind;
    if (kind == Kind::listed)
        reply.headers += fmt::format(
            "access-control-allow-origin: {}\r\naccess-control-allow-credentials: true\r\n",
            origin);
    else if (kind == Kind::anybody)
        reply.headers += "access-control-allow-origin: *\r\n";
    else
        return;
    reply.headers += "access-control-expose-headers: retry-after, www-authenticate\r\n";
}

}  // namespace rollo::server
