// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "common/clock.hpp"
#include "common/token_bucket.hpp"

namespace rollo::server {

/// What one client may send: so much in the long run, ten seconds of it at once after quiet.
class Budget {
  public:
    struct Limits {
        double messagesPerSecond = 1e9;
        double bytesPerSecond = 1e12;
        double errorsPerMinute = 1e9;  ///< as many at once
    };

    /// False: over the limit. `limits` may differ from call to call.
    bool takeMessage(const Limits& limits, common::Monotonic now);
    /// `bytes` of payload, with what it takes to frame them.
    bool takeBytes(std::size_t bytes, const Limits& limits, common::Monotonic now);
    bool takeError(const Limits& limits, common::Monotonic now);

    /// Whether that many bytes in that time are more than an honest client can have sent.
    static bool exceeds(std::uint64_t bytes, std::chrono::seconds time, const Limits& limits);
    /// How long until all of it is there again.
    std::chrono::milliseconds untilFull(const Limits& limits, common::Monotonic now) const;

  private:
    common::TokenBucket messages_;
    common::TokenBucket bytes_;
    common::TokenBucket errors_;
};

}  // namespace rollo::server
