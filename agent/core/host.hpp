// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "agent/core/alert_rules.hpp"
#include "agent/core/alerts.hpp"
#include "agent/core/host_state.hpp"
#include "agent/core/hub.hpp"
#include "agent/core/hypervisor.hpp"
#include "agent/core/id_book.hpp"
#include "agent/core/jobs.hpp"
#include "agent/core/observation.hpp"
#include "agent/core/operations.hpp"
#include "agent/core/saved_state.hpp"
#include "common/clock.hpp"

namespace rollo::core {

/// The only writer of state: takes what the hypervisor tells, in order, and publishes what that
/// means for clients. Pure but for its two ports; time is an argument.
class Host {
  public:
    struct Settings {
        std::optional<proto::ServerId> serverId;
        proto::VmId firstAllottedId = 1000001;
        std::string hostname;
        std::optional<std::string> ipAddress;
        std::string agentVersion;
        std::string libvirtUri;
        std::string hostBootId;
        std::chrono::milliseconds sampleInterval{5000};
        /// Stands for the host's UUID where libvirt knows none.
        std::optional<proto::Uuid> machineUuid;
        /// A fresh name for a QEMU process.
        std::function<std::string()> newBootId;
        AlertPolicy alerts;  ///< until another one is set
    };

    Host(Settings settings, const SavedState& saved, Hub& hub, Hypervisor& hypervisor);

    void apply(Observation observation, const common::Now& now);
    /// Asks for a listing when the last one is old: what no callback tells is found that way.
    void tick(const common::Now& now);
    /// Tells clients that the agent is being stopped.
    void enterMaintenance(const common::Now& now);
    /// How often samples are to be expected from now on.
    void setSampleInterval(std::chrono::milliseconds interval) {
        settings_.sampleInterval = interval;
    }
    /// Under which the host is known from now on.
    void setAddress(std::optional<std::string> address, const common::Now& now);

    /// From now on alerts fire by these rules.
    void setAlertPolicy(const AlertPolicy& policy, const common::Now& now);
    /// How much waits for clients, of how much may; in bytes. About once a second.
    void noteQueues(std::size_t waiting, std::size_t allowed, const common::Now& now);

    /// Tells clients that what must outlive the agent cannot be written, or can again.
    void tellOfSaving(bool works, const common::Now& now);

    const HostState& state() const { return state_; }
    /// For what other programs publish.
    Alerts& alerts() { return alerts_; }
    Operations& operations() { return operations_; }
    /// True, once, when what must outlive the agent has changed since the last call.
    bool takeUnsaved();
    SavedState saved() const;

  private:
    /// Callbacks of a domain that no listing has shown yet, until it has been described.
    struct Arrival {
        DomainRef domain;
        std::vector<LifecycleSeen> seen;
        bool asked = false;
        bool quiet = true;  ///< no callback since it was asked for
    };

    /// Was under way when the last run of the agent ended, about a VM that was known so then.
    struct FormerOperation {
        SavedOperation saved;
        std::optional<proto::VmIdentity> vm;
    };

    void on(ConnectionOpened observation, const common::Now& now);
    void on(ListingBegun observation, const common::Now& now);
    void on(ListingDone observation, const common::Now& now);
    void on(ConnectionLost observation, const common::Now& now);
    void on(LifecycleSeen observation, const common::Now& now);
    void on(RebootSeen observation, const common::Now& now);
    void on(DescriptionOutdated observation, const common::Now& now);
    void on(WatchdogFired observation, const common::Now& now);
    void on(IoErrorSeen observation, const common::Now& now);
    void on(MemoryFailed observation, const common::Now& now);
    void on(JobsSeen observation, const common::Now& now);
    void on(JobEnded observation, const common::Now& now);
    void on(DomainDescribed observation, const common::Now& now);
    void on(SampleTaken observation, const common::Now& now);

    void learnServer(const HostDescription& host, const common::Now& now);
    void setServerId(proto::ServerId id);
    void setServerStatus(proto::ServerStatus status, const std::string& reason,
                         const common::Now& now);

    // Whether libvirt answers wholly: host_health.cpp.
    void beginHealthy(const common::Now& now);
    std::string_view trouble(const common::Now& now) const;
    void judgeHealth(const common::Now& now);

    // Which domains there are, the listing and its race with callbacks: host_inventory.cpp.
    void mention(const proto::Uuid& uuid);
    void forgetAnswers();
    void removeUnlisted(const std::vector<DomainDescription>& listed, const common::Now& now);
    void takeListed(const DomainDescription& listed, const common::Now& now);

    // Domains that are not known yet.
    Arrival& arrive(const DomainRef& domain);
    bool isForNobody(const proto::Uuid& uuid);
    void settle(Arrival arrival, std::optional<DomainDescription> description,
                const common::Now& now);

    // VMs: host_vms.cpp.
    Vm& create(DomainDescription description, const common::Now& now);
    void remove(const proto::Uuid& uuid, const std::string& reason, const common::Now& now);
    void take(Vm& vm, const LifecycleSeen& seen, const common::Now& now);
    void takeUndefined(Vm& vm, const common::Now& now);
    void describe(Vm& vm);
    void update(Vm& vm, const DomainDescription& description, bool redefined,
                const common::Now& now);
    void renumber(Vm& vm, const IdBook::Given& given, const proto::VmIdentity& before,
                  const common::Now& now);
    void reconcile(Vm& vm, const DomainDescription& description, const common::Now& now);
    void settleStarts(const common::Now& now);
    void settlePause(Vm& vm, bool crashed, const common::Now& now);
    void settlePauses(const common::Now& now);
    void step(Vm& vm, std::optional<StatusStep> step, const common::Now& now);
    void nameBoot(Vm& vm, const DomainDescription& description);
    void takeSample(Vm& vm, DomainSample sample, const common::Now& now);
    void takeHostSample(HostSample sample, const common::Now& now);
    void markStale(Vm& vm, const common::Now& now);

    // Operations: host_operations.cpp.
    static std::vector<FormerOperation> formerOperations(const SavedState& saved);
    void takeUpOperations(const common::Now& now);
    std::vector<SavedOperation> savedOperations() const;

    // Alerts: host_alerts.cpp.
    void followAlerts(const Vm& vm, const common::Now& now);
    void resolveAlertsOfGone(const common::Now& now);
    void tellTrouble(const DomainRef& domain, AlertSource what, std::string detail,
                     const common::Now& now);
    void raiseConflict(const Vm& vm, const IdBook::Given& given, const common::Now& now);

    Settings settings_;
    Hub& hub_;
    Hypervisor& hypervisor_;
    HostState state_;
    Alerts alerts_{state_, hub_};
    AlertRules alertRules_;
    Operations operations_{state_, hub_};
    Jobs jobs_{state_, operations_, hub_.epoch()};
    std::vector<FormerOperation> formerOperations_;  ///< until the first listing is there
    IdBook ids_;
    std::unordered_map<proto::Uuid, SavedVm> savedBoots_;
    std::unordered_map<proto::Uuid, Arrival> arrivals_;
    /// Descriptions on their way that a VM asked for which has been removed since: they are not
    /// about whoever comes under its UUID.
    std::unordered_map<proto::Uuid, int> answersForNobody_;
    std::optional<Slot> historySlot_;  ///< of the sample that is being taken in
    common::Monotonic sampledAt_{};    ///< that, or that libvirt was there again
    /// Since when the server's status does not fit any more.
    std::optional<common::Monotonic> unfitSince_;
    std::optional<common::Monotonic> listedAt_;
    std::chrono::seconds listingLasts_{0};  ///< until the next one is asked for
    bool listing_ = false;
    std::unordered_set<proto::Uuid> mentioned_;  ///< by callbacks, since the listing began
    bool unsaved_ = false;
};

}  // namespace rollo::core
