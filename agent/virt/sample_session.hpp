// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/virt/connection.hpp"
#include "agent/virt/progress.hpp"
#include "agent/virt/sample_plan.hpp"

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

    /// All active domains and the host, in one call each (virConnectGetAllDomainStats).
    core::SampleTaken sampleAll();
    /// Only those (virDomainListGetStats), and the host.
    core::SampleTaken sampleSome(const std::vector<proto::Uuid>& uuids);
    /// All active domains, without their monitors.
    Looks look();
    /// Asks one domain for its statistics. Whether its monitor took part.
    bool probe(const proto::Uuid& uuid);
    void close();

    /// From when on a monitor that does not return counts as not answering.
    void setLimits(const SamplePlan::Limits& limits) { limits_ = limits; }

    const Progress& progress() const { return progress_; }
    /// Main: the thread was given up.
    void abandon() { abandoned_ = true; }
    bool abandoned() const { return abandoned_; }

  private:
    virConnectPtr connection();
    /// `domains` ends with a null pointer; null itself: all active ones.
    core::SampleTaken sample(virDomainPtr* domains);
    int getStats(virDomainPtr* domains, virDomainStatsRecordPtr** records);
    void addSilent(core::SampleTaken& sample, virDomainPtr domain);
    void setBalloonPeriod(virDomainPtr domain);

    Settings settings_;
    Progress progress_;
    std::atomic<bool> abandoned_ = false;
    SamplePlan::Limits limits_;
    std::unique_ptr<Connection> connection_;
    bool monitored_ = false;  ///< the driver has monitors, so that figures may be partial
    unsigned noWait_ = VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
    std::map<proto::Uuid, int> balloonDone_;  ///< the id for which the period was set
};

}  // namespace rollo::virt
