// SPDX-License-Identifier: Apache-2.0
#include "agent/server/inbox.hpp"

#include <utility>

#include "agent/server/line.hpp"

namespace rollo::server {
namespace {

constexpr std::chrono::seconds betweenLooks{5};
/// More than what an honest client has under way while the loop is busy.
constexpr std::size_t muchLeftOver = 1024;
constexpr unsigned looksWithLeftOver = 3;

}  // namespace

std::expected<std::optional<Inbox::Message>, Inbox::Trouble> Inbox::take(
    std::string_view piece, bool binary, bool last, std::size_t maxMessageBytes,
    const Budget::Limits& limits, common::Monotonic now) {
    if (!budget_.takeBytes(piece.size(), limits, now))
        return std::unexpected(Trouble::tooManyBytes);
    if (begun_.empty()) binary_ = binary;
    if (begun_.size() + piece.size() > maxMessageBytes) return std::unexpected(Trouble::tooLarge);
    Message message{.joined = {}, .piece = piece, .binary = binary_};
    if (!begun_.empty() || !last) {
        begun_ += piece;
        if (!last) return std::nullopt;
        message.joined = std::exchange(begun_, {});
    }
    if (!budget_.takeMessage(limits, now)) return std::unexpected(Trouble::tooManyMessages);
    return message;
}

bool Inbox::takePing(int fd, const Budget::Limits& limits, common::Monotonic now) {
    return receivedBytes(fd) || budget_.takeMessage(limits, now);
}

bool Inbox::isFlooded(int fd, bool reading, const Budget::Limits& limits, common::Monotonic now) {
    if (now - lastLook_ < betweenLooks) return false;
    const bool first = lastLook_ == common::Monotonic();
    lastLook_ = now;
    const auto total = receivedBytes(fd);
    if (!total) {
        leftOver_ = reading && unreadBytes(fd) > muchLeftOver ? leftOver_ + 1 : 0;
        return leftOver_ >= looksWithLeftOver;
    }
    const auto since = *total - std::exchange(receivedBytes_, *total);
    return !first && Budget::exceeds(since, betweenLooks, limits);
}

}  // namespace rollo::server
