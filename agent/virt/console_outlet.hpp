// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <utility>

#include "agent/core/console_observation.hpp"

namespace rollo::virt {

/// The one place where what streams say leaves this folder. They are told apart by their StreamId,
/// which is never used twice.
/// Thread: libvirt events, but for `close`.
class ConsoleOutlet {
  public:
    using Report = std::function<void(core::ConsoleObservation)>;

    explicit ConsoleOutlet(Report report) : report_(std::move(report)) {}

    void tell(core::ConsoleObservation observation);
    /// Any thread: nothing is reported any more, whoever still speaks.
    void close() { closed_ = true; }

  private:
    Report report_;
    std::atomic<bool> closed_ = false;
};

}  // namespace rollo::virt
