// SPDX-License-Identifier: Apache-2.0
#include "agent/server/budget.hpp"

#include <algorithm>

namespace rollo::server {
namespace {

using Rate = common::TokenBucket::Rate;

constexpr double burstSeconds = 10;
/// Header and mask of the smallest frame (RFC 6455 §5.2), so that empty ones are not for nothing.
constexpr std::size_t frameOverhead = 6;
/// Handshake, headers and TLS come on top of what is counted message by message.
constexpr double transportFactor = 1.5;

Rate messageRate(const Budget::Limits& limits) {
    return {limits.messagesPerSecond, burstSeconds * limits.messagesPerSecond};
}
Rate byteRate(const Budget::Limits& limits) {
    return {limits.bytesPerSecond, burstSeconds * limits.bytesPerSecond};
}
Rate errorRate(const Budget::Limits& limits) {
    return {limits.errorsPerMinute / 60, limits.errorsPerMinute};
}

}  // namespace

bool Budget::takeMessage(const Limits& limits, common::Monotonic now) {
    return messages_.take(1, messageRate(limits), now);
}

bool Budget::takeBytes(std::size_t bytes, const Limits& limits, common::Monotonic now) {
    return bytes_.take(static_cast<double>(bytes + frameOverhead), byteRate(limits), now);
}

bool Budget::takeError(const Limits& limits, common::Monotonic now) {
    return errors_.take(1, errorRate(limits), now);
}

bool Budget::exceeds(std::uint64_t bytes, std::chrono::seconds time, const Limits& limits) {
    const double seconds = static_cast<double>(time.count()) + burstSeconds;
    return static_cast<double>(bytes) > transportFactor * limits.bytesPerSecond * seconds;
}

std::chrono::milliseconds Budget::untilFull(const Limits& limits, common::Monotonic now) const {
    return std::max({messages_.untilFull(messageRate(limits), now),
                     bytes_.untilFull(byteRate(limits), now),
                     errors_.untilFull(errorRate(limits), now)});
}

}  // namespace rollo::server
