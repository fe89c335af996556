// SPDX-License-Identifier: Apache-2.0
#include "agent/server/ws_handshake.hpp"

#include <algorithm>

namespace rollo::server {
namespace {

/// 16 bytes in base64 (RFC 4648 §4): 22 characters, and two that fill up.
constexpr std::size_t keyCharacters = 22;
constexpr std::string_view keyFilling = "==";

bool isBase64(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

bool isKey(std::string_view text) {
    return text.size() == keyCharacters + keyFilling.size() && text.ends_with(keyFilling) &&
           std::ranges::all_of(text.substr(0, keyCharacters), isBase64);
}

}  // namespace

std::optional<Refusal> refuseHandshake(const Request& request) {
    if (request.method != "GET" || !request.http11)
        return Refusal{400, "a WebSocket is opened by GET and HTTP/1.1"};
    if (request.webSocketVersion != "13") return Refusal{426, "Sec-WebSocket-Version must be 13"};
    if (!request.webSocketKey || !isKey(*request.webSocketKey))
        return Refusal{400, "Sec-WebSocket-Key must be 16 bytes in base64"};
    return std::nullopt;
}

}  // namespace rollo::server
