// SPDX-License-Identifier: Apache-2.0
#include "agent/core/input_queue.hpp"

#include <algorithm>

namespace rollo::core {
namespace {

/// So that a paste moves evenly, and little is lost with a stream that ends.
constexpr std::size_t pieceBytes = 512;
/// What has left is cleared away once it is as much.
constexpr std::size_t clearAfter = std::size_t{64} << 10;

}  // namespace

std::size_t InputQueue::nextPiece(const common::TokenBucket::Rate& rate) const {
    const auto most = std::max<std::size_t>(1, static_cast<std::size_t>(rate.burst));
    return std::min({size(), pieceBytes, most});
}

std::optional<std::string> InputQueue::take(const common::TokenBucket::Rate& rate,
                                            common::Monotonic now) {
    const std::size_t piece = nextPiece(rate);
    if (piece == 0 || !budget_.take(static_cast<double>(piece), rate, now)) return std::nullopt;
    std::string taken = bytes_.substr(head_, piece);
    head_ += piece;
    if (head_ == bytes_.size()) {
        bytes_.clear();
        head_ = 0;
    } else if (head_ >= clearAfter) {
        bytes_.erase(0, head_);
        head_ = 0;
    }
    return taken;
}

std::chrono::milliseconds InputQueue::wait(const common::TokenBucket::Rate& rate,
                                           common::Monotonic now) const {
    return budget_.until(static_cast<double>(nextPiece(rate)), rate, now);
}

std::size_t InputQueue::clear() {
    const std::size_t dropped = size();
    bytes_.clear();
    bytes_.shrink_to_fit();
    head_ = 0;
    return dropped;
}

}  // namespace rollo::core
