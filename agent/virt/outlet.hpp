// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
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

    /// A look at jobs that began then, beside the connection of that generation. What libvirt has
    /// said of the end of jobs meanwhile is younger.
    void jobsSeen(Generation generation, common::Monotonic began, core::JobsSeen seen);
    /// Called wherever an event may have to do with a job of a domain. Set before there are any.
    void onJobHint(std::function<void(const proto::Uuid&)> hint) { jobHint_ = std::move(hint); }
    void hintJob(Generation generation, const proto::Uuid& domain) {
        if (generation == open_ && jobHint_) jobHint_(domain);
    }

    /// Any thread: nothing is reported any more, whoever still speaks.
    void close() { closed_ = true; }

  private:
    void report(core::Observation observation) {
        if (!closed_) report_(std::move(observation));
    }

    using JobKey = std::pair<proto::Uuid, std::string>;

    Report report_;
    std::function<void(const proto::Uuid&)> jobHint_;
    std::atomic<bool> closed_ = false;
    Generation open_ = 0;
    Generation ended_ = 0;  ///< this one and all before it
    Generation sampler_ = 0;
    bool toldLost_ = false;
    std::map<JobKey, common::Monotonic> jobsEnded_;  ///< when libvirt said so; until the next look
};

}  // namespace rollo::virt
