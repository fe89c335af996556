// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/server/client_certificate.hpp"
#include "agent/server/peer.hpp"

namespace rollo::server {

/// What a client asked for, as far as its request line and headers tell. The token goes no further
/// than the handshake.
struct Request {
    Peer peer;
    std::string method;
    std::string path;                                        ///< decoded, without the query
    std::vector<std::pair<std::string, std::string>> query;  ///< decoded
    std::optional<std::string> bearer;                       ///< of `Authorization: Bearer`
    std::optional<std::string> host;                         ///< the header Host
    std::optional<std::string> origin;
    std::optional<std::string> forwardedFor;       ///< the header X-Forwarded-For
    std::optional<std::string> forwardedProto;     ///< the header X-Forwarded-Proto
    std::optional<std::string> subprotocols;       ///< the header Sec-WebSocket-Protocol
    std::optional<ClientCertificate> certificate;  ///< that the client has shown by TLS
    std::optional<std::string> webSocketVersion;   ///< the header Sec-WebSocket-Version
    std::optional<std::string> webSocketKey;
    bool preflight = false;  ///< it has `Access-Control-Request-Method`
    bool body = false;       ///< something follows the headers
    bool encoded = false;    ///< it has `Transfer-Encoding`
    std::optional<std::string> contentLength;
    std::optional<std::string> contentType;
    bool expectsContinue = false;  ///< `Expect: 100-continue`
    std::string content;           ///< the body, where it was read
    bool http11 = true;            ///< HTTP/1.1, not 1.0
    /// The request line ends with one of them. Where it does not, libwebsockets has taken an
    /// escaped line break in the path for its end, and the rest of it for a header.
    bool knownVersion = true;

    const std::string* argument(std::string_view name) const;
    /// `Authorization` first, then the query parameter `token` (original).
    const std::string* token() const;
    const std::string* ticket() const { return argument("ticket"); }
};

/// A path as it may stand in a log: without a token or ticket that somebody has put there by
/// mistake, and what follows it.
std::string loggable(std::string_view path);

/// Why a request is refused: an HTTP status and a sentence that names what is wrong.
struct Refusal {
    int status;
    std::string message;
    std::string field = {};  ///< what of a body is wrong; empty: nothing in particular
};

}  // namespace rollo::server
