// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "agent/core/observation.hpp"

namespace rollo::virt {

/// Counts the connections that were begun, from 1; 0 is none.
using Generation = std::uint64_t;

/// The one place where observations leave this folder: decides which of what the threads say is
/// still about the present connection. A thread that was given up may speak at any time; it speaks
/// for a generation that has ended.
/// Thread: libvirt events.
class Outlet {
  public:
    using Report = std::function<void(core::Observation)>;

    explicit Outlet(Report report) : report_(std::move(report)) {}

    void opened(Generation generation, core::HostDescription host);
    /// Ends that generation, whether it was open or not. Told once until the next that opens.
    void lost(Generation generation, const std::string& reason);
    /// An event or an answer of the connection of that generation.
    void tell(Generation generation, core::Observation observation);

    /// From now on only that sampling connection is listened to; 0: none.
    void listenToSampler(Generation generation) { sampler_ = generation; }
    void sampled(Generation generation, core::SampleTaken sample);

    /// Any thread: nothing is reported any more, whoever still speaks.
    void close() { closed_ = true; }

  private:
    void report(core::Observation observation) {
        if (!closed_) report_(std::move(observation));
    }

    Report report_;
    std::atomic<bool> closed_ = false;
    Generation open_ = 0;
    Generation ended_ = 0;  ///< this one and all before it
    Generation sampler_ = 0;
    bool toldLost_ = false;
};

}  // namespace rollo::virt
