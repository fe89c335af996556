// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "agent/core/observation.hpp"
#include "agent/virt/handle.hpp"
#include "agent/virt/lane_session.hpp"
#include "agent/virt/look.hpp"

namespace rollo::virt {

/// The blocking calls of the sampler. Every function throws LibvirtError.
/// Thread: the lane's worker, unless said otherwise.
class SampleSession final : public LaneSession {
  public:
    static constexpr const char* what = "a sample";

    explicit SampleSession(Settings settings) : LaneSession(std::move(settings)) {}

    /// All active domains and the host, in one call each (virConnectGetAllDomainStats). A domain
    /// whose monitor has been occupied for longer than `unresponsiveAfter` is unresponsive.
    core::SampleTaken sampleAll(std::chrono::milliseconds unresponsiveAfter);
    /// The host, and of the domains only those (virDomainListGetStats).
    core::SampleTaken sampleSome(const std::vector<proto::Uuid>& uuids,
                                 std::chrono::milliseconds unresponsiveAfter);
    /// All active domains, without their monitors.
    Looks look();
    void close();

  private:
    virConnectPtr connection();
    /// Adds what those domains answer, null: all active ones. Returns those whose monitors did not
    /// take part.
    DomainHandles ask(const DomainHandles* domains, core::SampleTaken& sample);
    int getStats(virDomainPtr* domains, virDomainStatsRecordPtr** records);
    void askAgain(DomainHandles unanswered, core::SampleTaken& sample,
                  std::chrono::milliseconds unresponsiveAfter);
    void setBalloonPeriod(virDomainPtr domain);

    bool monitored_ = false;  ///< the driver has monitors, so that figures may be partial
    unsigned noWait_ = VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
    std::map<proto::Uuid, int> balloonDone_;  ///< the id for which the period was set
};

}  // namespace rollo::virt
