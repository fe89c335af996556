// SPDX-License-Identifier: Apache-2.0
#include "agent/server/frame_trace.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace rollo::server {
namespace {

std::string_view piece(std::string_view text, std::string_view before, std::string_view end) {
    const auto from = text.find(before);
    if (from == std::string_view::npos) return {};
    text.remove_prefix(from + before.size());
    return text.substr(0, text.find_first_of(end));
}

}  // namespace

std::string describe(const proto::Frame& frame) {
    const auto payload = frame.payload();
    if (!frame.isText()) return fmt::format("{} bytes", payload.size());
    // Type and number stand at the ends of the envelope; what is between is nobody's business.
    const auto tail = payload.substr(payload.size() - std::min<std::size_t>(payload.size(), 40));
    const auto seq = piece(tail, ",\"seq\":", "}");
    const auto type = payload.starts_with("{\"type\":\"") ? piece(payload, ":\"", "\"") : "?";
    return fmt::format("{} of {} bytes{}{}", type, payload.size(), seq.empty() ? "" : ", seq ",
                       seq);
}

}  // namespace rollo::server
