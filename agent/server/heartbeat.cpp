// SPDX-License-Identifier: Apache-2.0
#include "agent/server/heartbeat.hpp"

#include <utility>

namespace rollo::server {

Heartbeat::Due Heartbeat::tick(common::Monotonic now, std::chrono::seconds interval,
                               bool listening) {
    // What it has answered meanwhile is read only now.
    if (!std::exchange(listening_, listening) && listening) lastHeard_ = now;
    const bool pinged = lastPing_ > lastHeard_;
    if (now - (pinged ? lastPing_ : lastHeard_) < interval) return Due::nothing;
    if (pinged && listening) return Due::end;
    lastPing_ = now;
    return Due::ping;
}

}  // namespace rollo::server
