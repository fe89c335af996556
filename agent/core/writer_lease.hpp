// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "common/clock.hpp"

namespace rollo::core {

class ConsoleViewer;

/// Who may type into a console: one viewer at a time, until it gives that back, goes, or has not
/// typed for a while.
/// Thread: main.
class WriterLease {
  public:
    const ConsoleViewer* holder() const { return holder_; }
    bool heldBy(const ConsoleViewer& viewer) const { return holder_ == &viewer; }

    void give(const ConsoleViewer& viewer, common::Monotonic now) {
        holder_ = &viewer;
        used_ = now;
    }
    void end() { holder_ = nullptr; }
    /// The holder has typed.
    void use(common::Monotonic now) { used_ = now; }
    bool lapsed(std::chrono::seconds idle, common::Monotonic now) const {
        return holder_ && now - used_ >= idle;
    }

  private:
    const ConsoleViewer* holder_ = nullptr;
    common::Monotonic used_{};
};

}  // namespace rollo::core
