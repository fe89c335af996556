// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/core/host_state.hpp"
#include "agent/core/job_observation.hpp"
#include "agent/core/job_pace.hpp"
#include "agent/core/lifecycle.hpp"
#include "agent/core/operations.hpp"
#include "agent/core/saved_state.hpp"
#include "common/clock.hpp"

namespace rollo::core {

/// Makes operations of libvirt's jobs. That one goes on is seen by looking; how it ended is told by
/// a callback, which comes before or after the look that misses it, or never: then only what became
/// of the guest tells, and a success that neither tells of is never claimed.
class Jobs {
  public:
    Jobs(const HostState& state, Operations& operations, std::string epoch)
        : state_(state), operations_(operations), epoch_(std::move(epoch)) {}

    void take(const JobsSeen& seen, const common::Now& now);
    void take(const JobEnded& ended, const common::Now& now);
    /// The status of a VM has changed, which may be how a job of it ended.
    void follow(const proto::Uuid& uuid, const StatusStep& step, const common::Now& now);
    /// The VM will not be known from here on: what it was doing has ended.
    void endAllOf(const proto::Uuid& uuid, const common::Now& now);
    void libvirtLost(const common::Now& now);
    /// Ends the jobs that are over and whose outcome nobody has told for a moment.
    void tick(const common::Now& now);

    /// Goes on with a job of a former run of the agent, whose VM is known: the next look shows
    /// whether it still is under way.
    void resume(const SavedOperation& saved, const common::Now& now);
    std::vector<SavedOperation> saved() const;

  private:
    using Key = std::pair<proto::Uuid, std::string>;  ///< the domain and the disk
    struct Job {
        JobRef ref;
        JobFigures figures;  ///< the last that were told, each
        std::string operationId;
        common::WallClock startedAt;
        JobPace pace;
        std::optional<common::Monotonic> missedAt;  ///< when it was first known to be over
        std::optional<StatusStep> clue;             ///< what became of the guest meanwhile
        std::string blind;  ///< why its end may have passed unseen; empty: it would have been told
    };
    using Place = std::map<Key, Job>::iterator;
    struct End {
        JobOutcome outcome;
        std::string error;
    };
    struct Settled {
        Key key;
        JobKind kind;
        common::Monotonic at;
    };

    static Key keyOf(const JobRef& ref) { return {ref.domain.uuid, ref.disk}; }
    static bool isAnother(const Job& known, const JobSeen& seen, const common::Now& now);
    static bool misses(const JobsSeen& look, const Key& key);
    Job& begin(const JobRef& ref, const JobFigures& figures, const common::Now& now);
    void update(Job& job, const JobFigures& figures, const common::Now& now);
    /// Ends it as what is known tells.
    Place settle(Place place, const common::Now& now);
    End endOf(const Job& job) const;
    Place end(Place place, const End& end, const common::Now& now);
    /// True, once, for one whose end has been told a moment ago without this callback.
    bool wasSettled(const JobEnded& ended);
    proto::Progress progressOf(const Job& job) const;
    std::string nameOf(const proto::Uuid& uuid) const;

    const HostState& state_;
    Operations& operations_;
    std::string epoch_;
    std::uint64_t count_ = 0;
    std::map<Key, Job> jobs_;
    std::optional<JobsSeen> lastLook_;
    /// Domains of which something has ended since the last look, and when: a look that comes now
    /// may have been taken before that. Where no job is known no look comes: forgotten after a
    /// while.
    std::unordered_map<proto::Uuid, common::Monotonic> endedSinceLook_;
    std::vector<Settled> settled_;  ///< a moment ago: a callback may follow
};

}  // namespace rollo::core
