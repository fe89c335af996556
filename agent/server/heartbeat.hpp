// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "common/clock.hpp"

namespace rollo::server {

/// When a client of which nothing comes is asked whether it is there, and when it counts as gone.
class Heartbeat {
  public:
    enum class Due { nothing, ping, end };

    void heard(common::Monotonic now) { lastHeard_ = now; }
    /// What is to be done now; a ping counts as sent. `listening`: whether what the client says is
    /// read; where it is not, an answer that is missing proves nothing, and it is never gone.
    Due tick(common::Monotonic now, std::chrono::seconds interval, bool listening);

  private:
    common::Monotonic lastHeard_{};
    common::Monotonic lastPing_{};
    bool listening_ = true;
};

}  // namespace rollo::server
