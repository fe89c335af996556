// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>

#include "common/worker.hpp"

namespace rollo::virt {

/// Tells a worker that is slow, one call after the other, from one that hangs in a call.
/// Thread: `step` belongs to the worker, `overdue` to the worker's owner.
class Progress {
  public:
    /// Between two calls.
    void step() { last_.store(std::chrono::steady_clock::now().time_since_epoch().count()); }

    /// Whether the present call of that worker has taken longer than `limit`.
    bool overdue(const common::Worker& worker, common::Monotonic now,
                 std::chrono::nanoseconds limit) const {
        const auto busy = worker.busyFor(now);
        if (!busy || *busy <= limit) return false;
        const common::Monotonic last{common::Monotonic::duration(last_.load())};
        return now - last > limit;
    }

  private:
    std::atomic<common::Monotonic::rep> last_{0};
};

}  // namespace rollo::virt
