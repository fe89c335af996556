// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "agent/virt/left_behind.hpp"
#include "agent/virt/sample_lane.hpp"
#include "agent/virt/storage_pools.hpp"

namespace rollo::virt {

/// Reads the storage pools beside the guests' samples, on a lane of its own: libvirt and the file
/// systems of the pools may hang for as long as some server on the network does, and nobody else
/// waits for them. What hangs is left behind, and its figures stay, stale. A file system that hangs
/// is avoided from then on, until that call has returned; where libvirt itself hangs, no other call
/// is made.
/// Thread: main.
class PoolSampler {
  public:
    /// `results` is drained by the owner; it may outlive this.
    PoolSampler(const Settings& settings, const std::shared_ptr<common::TaskQueue>& results);

    void resume(common::Monotonic now);
    void pause();
    void setInterval(std::chrono::milliseconds interval);
    /// After the results were drained.
    void tick(common::Monotonic now);
    /// The figures as they are known; nothing before they were read for the first time.
    const std::optional<core::Pools>& latest() const { return latest_; }

    std::size_t stuck() const { return stuck_.size(); }
    std::uint64_t givenUp() const { return givenUp_; }
    /// Whether the lane ended within the limit, and nothing was left behind.
    bool finish(std::chrono::milliseconds limit);

  private:
    struct Stuck {
        std::weak_ptr<const char> token;
        std::optional<proto::Uuid> fileSystemOf;  ///< nothing: libvirt itself hangs
    };
    void read(common::Monotonic now);
    void take(core::Pools pools);
    void leaveBehind();
    void markStale();
    bool mayRead() const;

    Settings settings_;
    SampleLane lane_;
    std::shared_ptr<PoolWalk> walk_;  ///< of the reading under way
    std::vector<Stuck> stuck_;
    std::optional<core::Pools> latest_;
    bool running_ = false;
    bool reading_ = false;
    common::Monotonic began_{};
    common::Monotonic next_{};
    std::uint64_t givenUp_ = 0;
};

}  // namespace rollo::virt
