// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "agent/core/host.hpp"
#include "agent/store/state_store.hpp"
#include "common/clock.hpp"
#include "common/task_queue.hpp"

namespace rollo::agent {

/// Brings what must outlive the agent from the host to the store, tries again where the disk fails,
/// and knows whether an id has been given to a VM that is not on the disk yet.
/// Thread: main.
class StateKeeper {
  public:
    /// `tasks` is drained on the main thread. Throws where the folder cannot be used.
    StateKeeper(const std::string& folder, std::shared_ptr<common::TaskQueue> tasks);

    /// What the last run kept; tells the log what was damaged. Blocks: before the loop runs.
    core::SavedState load(const common::Now& now);
    /// Saves what has changed, or what could not be saved a while ago; tells clients of trouble and
    /// of its end. After every turn in which something may have changed, and once a second.
    void keep(core::Host& host, const common::Now& now);
    /// True while an id is on its way to the disk: an agent that is killed now would give another
    /// one, so nobody should be told of it. Never for long, however slow the disk is.
    bool idsOnTheirWay(const common::Now& now) const;
    bool works() const { return !trouble_; }
    /// The end: false if the state could not be saved within the limit.
    bool finish(const core::Host& host, std::chrono::milliseconds limit);

  private:
    void onSaved(const std::optional<std::string>& error, proto::VmId nextId);
    void save(const core::Host& host, const common::Now& now);

    store::StateStore store_;
    proto::VmId nextId_ = 0;      ///< of the newest state that was handed to the store
    proto::VmId nextIdDone_ = 0;  ///< of the newest with which it is done, written or not
    common::Monotonic savedAt_{};
    common::Monotonic idsSince_{};  ///< when the first id was given that is on its way
    std::optional<std::string> trouble_;
    bool toldOfTrouble_ = false;
};

}  // namespace rollo::agent
