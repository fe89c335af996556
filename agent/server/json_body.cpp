// SPDX-License-Identifier: Apache-2.0
#include "agent/server/json_body.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace rollo::server {
namespace {

/// RFC 9110 §8.6; nothing where it is no length.
std::optional<std::size_t> lengthOf(std::string_view text) {
    std::size_t length = 0;
    const char* const end = text.data() + text.size();
    if (std::from_chars(text.data(), end, length) != std::from_chars_result{end, std::errc()})
        return std::nullopt;
    return length;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Whatever its parameters are: JSON is UTF-8 (RFC 8259 §8.1).
bool isJson(std::string_view contentType) {
    std::string_view type = contentType.substr(0, contentType.find(';'));
    while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
    return std::ranges::equal(type, std::string_view("application/json"), {}, lower);
}

}  // namespace

std::optional<Reply> refuseBody(const Request& request, std::size_t most, std::string_view key) {
    if (request.encoded || !request.contentLength)
        return refusalReply({411, "a Content-Length is needed, and no Transfer-Encoding"});
    const auto length = lengthOf(*request.contentLength);
    if (!length) return refusalReply({400, "Content-Length must be a number of bytes"});
    if (*length > most)
        return refusalReply({413, fmt::format("at most {} bytes are read{}", most,
                                              key.empty() ? "" : fmt::format(" ({})", key))});
    if (!request.contentType || !isJson(*request.contentType))
        return refusalReply({415, "Content-Type must be application/json"});
    if (*length == 0) return refusalReply({400, "the body is empty"});
    return std::nullopt;
}

}  // namespace rollo::server
