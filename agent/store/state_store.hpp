// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/core/saved_state.hpp"
#include "agent/store/state_file.hpp"
#include "common/clock.hpp"
#include "common/task_queue.hpp"
#include "common/unique_fd.hpp"
#include "common/worker.hpp"

namespace rollo::store {

/// Keeps the state of the inventory in `<folder>/vms.state`. Owns the thread that writes, so that a
/// slow or dead disk costs nobody anything.
/// Thread: main; the file is written on the store's own.
class StateStore {
  public:
    /// Hands a task to the owner's thread, as TaskQueue::post does.
    using Post = std::function<void(common::TaskQueue::Task)>;
    /// Called through `post` after each write, with the `nextId` of the state that was, or was to
    /// be, written; an error comes as a text for the log.
    using Saved = std::function<void(const std::optional<std::string>& error, proto::VmId nextId)>;

    /// Makes the folder (mode 0700) where it is missing, and locks it against a second agent.
    /// Throws std::runtime_error where that fails. The functions may be called, or dropped, after
    /// the store is gone.
    StateStore(const std::string& folder, Post post, Saved saved);
    ~StateStore();

    /// See loadState. Blocks: before the loop runs.
    LoadReport load(const common::Now& now);
    /// Writes that state soon; of several that wait only the newest. One that could not be written
    /// is tried again at the end, unless a newer one comes.
    void save(core::SavedState state);
    /// Writes what waits. False, and given up, if that takes longer than `limit`.
    bool finish(std::chrono::milliseconds limit);

  private:
    struct Shared;
    void requestWrite();

    common::UniqueFd lock_;
    std::shared_ptr<Shared> shared_;
    common::Worker worker_;
};

}  // namespace rollo::store
