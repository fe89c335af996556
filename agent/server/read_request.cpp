// SPDX-License-Identifier: Apache-2.0
#include "agent/server/read_request.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <libwebsockets.h>

namespace rollo::server {
namespace {

/// With their colons, as libwebsockets keeps them.
constexpr std::string_view preflightHeader = "access-control-request-method:";
constexpr std::string_view forwardedProtoHeader = "x-forwarded-proto:";

std::string header(lws* socket, lws_token_indexes token) {
    const int length = lws_hdr_total_length(socket, token);
    if (length <= 0) return {};
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    const int copied = lws_hdr_copy(socket, text.data(), static_cast<int>(text.size()), token);
    text.resize(copied > 0 ? static_cast<std::size_t>(copied) : 0);
    return text;
}

std::optional<std::string> optionalHeader(lws* socket, lws_token_indexes token) {
    std::string text = header(socket, token);
    if (text.empty()) return std::nullopt;
    return text;
}

/// One that libwebsockets has no number for.
std::optional<std::string> customHeader(lws* socket, std::string_view name) {
    const int size = static_cast<int>(name.size());
    const int length = lws_hdr_custom_length(socket, name.data(), size);
    if (length < 0) return std::nullopt;
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    const int copied =
        lws_hdr_custom_copy(socket, text.data(), static_cast<int>(text.size()), name.data(), size);
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

/// RFC 6750 §2.1; the scheme is written in any case (RFC 9110 §11.1).
std::optional<std::string> bearerIn(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer ";
    const bool named = std::ranges::equal(authorization.substr(0, scheme.size()), scheme,
                                          [](char c, char wanted) { return (c | 0x20) == wanted; });
    if (!named) return std::nullopt;
    return std::string(authorization.substr(scheme.size()));
}

}  // namespace

Request readRequest(lws* socket, const Peer& peer) {
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
    request.peer = peer;
    for (const auto& method : methods) {
        if (lws_hdr_total_length(socket, method.token) <= 0) continue;
        request.method = method.name;
        request.path = header(socket, method.token);
        break;
    }
    request.query = arguments(socket);
    request.bearer = bearerIn(header(socket, WSI_TOKEN_HTTP_AUTHORIZATION));
    request.host = optionalHeader(socket, WSI_TOKEN_HOST);
    request.origin = optionalHeader(socket, WSI_TOKEN_ORIGIN);
    request.subprotocols = optionalHeader(socket, WSI_TOKEN_PROTOCOL);
    request.forwardedFor = optionalHeader(socket, WSI_TOKEN_X_FORWARDED_FOR);
    request.forwardedProto = customHeader(socket, forwardedProtoHeader);
    request.webSocketVersion = optionalHeader(socket, WSI_TOKEN_VERSION);
    request.webSocketKey = optionalHeader(socket, WSI_TOKEN_KEY);
    request.preflight = lws_hdr_custom_length(socket, preflightHeader.data(),
                                              static_cast<int>(preflightHeader.size())) > 0;
    request.encoded = lws_hdr_total_length(socket, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0;
    request.contentLength = optionalHeader(socket, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    request.body = request.encoded || request.contentLength.value_or("0") != "0";
    request.contentType = optionalHeader(socket, WSI_TOKEN_HTTP_CONTENT_TYPE);
    request.expectsContinue = lws_hdr_total_length(socket, WSI_TOKEN_HTTP_EXPECT) > 0;
    const std::string version = header(socket, WSI_TOKEN_HTTP);
    request.http11 = version != "HTTP/1.0";
    request.knownVersion = !request.http11 || version == "HTTP/1.1";
    return request;
}

}  // namespace rollo::server
