// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "common/clock.hpp"
#include "common/token_bucket.hpp"

namespace rollo::core {

/// What was typed and has not gone to the device, which gets it no faster than its budget allows:
/// libvirt takes any amount at once and does not say when it drains.
/// Thread: main.
class InputQueue {
  public:
    void push(std::string_view bytes) { bytes_ += bytes; }
    std::size_t size() const { return bytes_.size() - head_; }
    /// The next piece that may go now, if one may.
    std::optional<std::string> take(const common::TokenBucket::Rate& rate, common::Monotonic now);
    /// How long until `take` has something. Not for an empty queue.
    std::chrono::milliseconds wait(const common::TokenBucket::Rate& rate,
                                   common::Monotonic now) const;
    /// Drops all of it, and says how much that was.
    std::size_t clear();

  private:
    std::size_t nextPiece(const common::TokenBucket::Rate& rate) const;

    std::string bytes_;
    std::size_t head_ = 0;
    common::TokenBucket budget_;
};

}  // namespace rollo::core
