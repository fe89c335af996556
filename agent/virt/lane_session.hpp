// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "agent/virt/connection.hpp"
#include "agent/virt/look.hpp"
#include "agent/virt/progress.hpp"

namespace rollo::virt {

/// A connection that a lane's worker opens when it needs it, and what the lane has to know of it.
/// Any call on it may hang for as long as a guest's monitor does; the object then belongs to the
/// hanging thread alone.
/// Thread: the lane's worker, unless said otherwise.
class LaneSession {
  public:
    LaneSession(const LaneSession&) = delete;
    LaneSession& operator=(const LaneSession&) = delete;

    const Progress& progress() const { return progress_; }
    /// Main: the thread was given up.
    void abandon() { abandoned_ = true; }
    bool abandoned() const { return abandoned_; }

  protected:
    explicit LaneSession(Settings settings) : settings_(std::move(settings)) {}
    /// Any thread: does not block.
    ~LaneSession() { closeElsewhere(std::move(connection_)); }

    const Settings& settings() const { return settings_; }
    /// Between two calls.
    void step() { progress_.step(); }
    /// Opens the connection if there is none that lives; true: this is another one than before.
    /// Throws LibvirtError.
    bool connect(Access access);
    void disconnect() { connection_.reset(); }
    /// After `connect`.
    virConnectPtr handle() const { return connection_->get(); }
    /// At all active domains, without their monitors; after `connect`. Throws LibvirtError.
    Looks lookAtAll();

  private:
    Settings settings_;
    Progress progress_;
    std::atomic<bool> abandoned_ = false;
    std::unique_ptr<Connection> connection_;
};

}  // namespace rollo::virt
