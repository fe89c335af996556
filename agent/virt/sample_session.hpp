// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/observation.hpp"
#include "agent/virt/connection.hpp"
#include "agent/virt/look.hpp"
#include "agent/virt/progress.hpp"
#include "agent/virt/storage_pools.hpp"

namespace rollo::virt {

/// The blocking calls of the sampler on a connection of its own, which it opens when it needs it.
/// Every function throws LibvirtError, and every one may hang for as long as a guest's monitor
/// does; the object then belongs to the hanging thread alone.
/// Thread: the lane's worker, unless said otherwise.
class SampleSession {
  public:
    explicit SampleSession(Settings settings) : settings_(std::move(settings)) {}
    /// Any thread: does not block.
    ~SampleSession() { closeElsewhere(std::move(connection_)); }
    SampleSession(const SampleSession&) = delete;
    SampleSession& operator=(const SampleSession&) = delete;

    /// All active domains and the host, in one call each (virConnectGetAllDomainStats). A domain
    /// whose monitor has been occupied for longer than `unresponsiveAfter` is unresponsive.
    core::SampleTaken sampleAll(std::chrono::milliseconds unresponsiveAfter);
    /// The host, and of the domains only those (virDomainListGetStats).
    core::SampleTaken sampleSome(const std::vector<proto::Uuid>& uuids,
                                 std::chrono::milliseconds unresponsiveAfter);
    /// All active domains, without their monitors.
    Looks look();
    /// All storage pools.
    core::Pools pools(PoolWalk& walk);
    void close();

    const Progress& progress() const { return progress_; }
    /// Main: the thread was given up.
    void abandon() { abandoned_ = true; }
    bool abandoned() const { return abandoned_; }

  private:
    virConnectPtr connection();
    /// Adds what those domains answer, null: all active ones. Returns those whose monitors did not
    /// take part.
    DomainHandles ask(const DomainHandles* domains, core::SampleTaken& sample);
    int getStats(virDomainPtr* domains, virDomainStatsRecordPtr** records);
    void askAgain(DomainHandles unanswered, core::SampleTaken& sample,
                  std::chrono::milliseconds unresponsiveAfter);
    void setBalloonPeriod(virDomainPtr domain);

    Settings settings_;
    Progress progress_;
    std::atomic<bool> abandoned_ = false;
    std::unique_ptr<Connection> connection_;
    bool monitored_ = false;  ///< the driver has monitors, so that figures may be partial
    unsigned noWait_ = VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
    std::map<proto::Uuid, int> balloonDone_;  ///< the id for which the period was set
};

}  // namespace rollo::virt
