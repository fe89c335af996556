// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/observation.hpp"
#include "agent/virt/job_question.hpp"

namespace rollo::virt {

/// Decides when to look at jobs and at whose, and what of it is news. No event tells that a job
/// begins: everybody is asked every few seconds. Those who have one are asked every second, and
/// those of whom an event tells are asked at once. Pure: no libvirt, no clock.
/// Thread: main.
class JobSchedule {
  public:
    /// `interval` between two looks at everybody, `fast` between two at those who have a job.
    JobSchedule(std::chrono::milliseconds interval, std::chrono::milliseconds fast)
        : interval_(interval), fast_(fast) {}

    /// Everything begins anew: nothing is known, everybody is due.
    void reset(common::Monotonic now);
    /// An event may have to do with a job of that domain.
    void hint(const proto::Uuid& domain, common::Monotonic now);

    /// What to ask now, if anything. The same until `done`, but not at once: a look that fails is
    /// taken again after `fast`.
    std::optional<JobQuestion> take(common::Monotonic now);
    /// The look that was taken is given up; another may be taken at once.
    void lost() { notBefore_ = {}; }
    /// What that look found, which took so long; returns what the core has to be told.
    std::optional<core::JobsSeen> done(const JobQuestion& question, core::JobsSeen seen,
                                       std::chrono::milliseconds took, common::Monotonic now);

  private:
    using Key = std::pair<proto::Uuid, std::string>;

    std::vector<proto::Uuid> gone(const core::JobsSeen& seen) const;
    void remember(const core::JobsSeen& seen);

    std::chrono::milliseconds interval_;
    std::chrono::milliseconds fast_;
    common::Monotonic notBefore_{};
    common::Monotonic everybodyDue_{};
    common::Monotonic busyDue_{};                     ///< those who have a job
    std::map<proto::Uuid, common::Monotonic> hints_;  ///< when they are due
    std::set<Key> known_;                             ///< the jobs that the core was told of
    bool anew_ = true;                                ///< the core was told nothing yet
    bool confirming_ = false;                         ///< the last look missed one of them
};

}  // namespace rollo::virt
