// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace rollo::virt {

/// Held by every task of one worker: gone when the last of them has returned and let go.
using Token = std::shared_ptr<const char>;
inline Token makeToken() {
    return std::make_shared<const char>();
}

/// The workers that were given up and still hang. Each holds a thread of ours and a worker of the
/// daemon, so their number is bounded by whoever adds.
/// Thread: main.
class LeftBehind {
  public:
    void add(const Token& token) { tokens_.emplace_back(token); }
    std::size_t size() const { return tokens_.size(); }
    /// Forgets those that have come back, and says how many.
    std::size_t reap() {
        return std::erase_if(tokens_, [](const auto& token) { return token.expired(); });
    }

  private:
    std::vector<std::weak_ptr<const char>> tokens_;
};

}  // namespace rollo::virt
