// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/core/alert_rule.hpp"
#include "agent/core/alert_text.hpp"
#include "agent/core/alert_trigger.hpp"
#include "agent/core/alerts.hpp"
#include "agent/core/host_state.hpp"
#include "common/clock.hpp"
#include "proto/events.hpp"

namespace rollo::core {

/// Looks at what happens and at the figures by the administrator's rules, and says which alerts
/// fire. Told by Host, in order, of everything after it stands in the state.
class AlertRules {
  public:
    AlertRules(const HostState& state, Alerts& alerts, const AlertPolicy& policy);

    /// Takes up what the alerts of the last run were about: after Alerts::restore.
    void restore();
    /// The new rules hold at once; what no rule calls for any more is over.
    void setPolicy(const AlertPolicy& policy, const common::Now& now);

    /// The VM is new, is called otherwise, or may have other overrides.
    void follow(const Vm& vm, const common::Now& now);
    /// Its status has changed.
    void onStatus(const Vm& vm, const common::Now& now);
    /// Its figures are new, or have become stale.
    void onFigures(const Vm& vm, const common::Now& now);
    /// `what`: vmWatchdog, vmIoError, or vmMemoryFailure; `detail` for people.
    void onTrouble(const Vm& vm, AlertSource what, std::string detail, const common::Now& now);
    void forget(const proto::Uuid& uuid) { vms_.erase(uuid); }
    /// Forgets each VM of which `isThere` says no.
    void forgetGone(const std::function<bool(const proto::Uuid&)>& isThere);

    /// The same, of the server's.
    void onServerFigures(const common::Now& now);
    void onLibvirt(bool lost, std::string_view reason, const common::Now& now);
    /// In percent of what is allowed.
    void onQueues(double used, const common::Now& now);
    /// What begins or ends by nothing but time passing.
    void tick(const common::Now& now);

  private:
    /// One for each source, by its number.
    using Rules = std::array<AlertRule, alertSources>;
    static constexpr std::size_t vmSources = 11;

    /// What libvirt tells of in a callback, once each time.
    struct Trouble {
        std::optional<common::Monotonic> last;    ///< since the process began
        std::optional<common::Monotonic> toldAt;  ///< a repeat is told only now and then
        std::string detail;
    };
    struct WatchedVm {
        std::shared_ptr<const Rules> rules;  ///< those of all VMs where there are no overrides
        std::array<AlertTrigger, vmSources> triggers;
        std::map<AlertSource, Trouble> troubles;
        std::optional<std::string> bootId;

        AlertTrigger& trigger(AlertSource source) {
            return triggers[static_cast<std::size_t>(source)];
        }
    };

    static std::shared_ptr<const Rules> rulesOf(const AlertPolicy& policy);
    std::shared_ptr<const Rules> rulesFor(const proto::VmIdentity& vm,
                                          const std::vector<AlertOverride>& ofMetadata) const;
    void take(const Vm& vm, WatchedVm& watched, std::shared_ptr<const Rules> rules,
              const common::Now& now);

    void lookAtFigures(const Vm& vm, WatchedVm& watched, const common::Now& now);
    void lookAtHappenings(const Vm& vm, WatchedVm& watched, const common::Now& now);
    void repeat(const Vm& vm, AlertSource what, WatchedVm& watched, const common::Now& now);
    void lookAtPools(const common::Now& now);
    void judgeServer(AlertSource source, proto::Figure figure, const common::Now& now,
                     std::string_view detail = {});
    void judge(const AlertSubject& subject, const AlertRule& rule, AlertTrigger& trigger,
               proto::Figure figure, const common::Now& now, std::string_view detail = {});
    void end(const AlertSubject& subject, AlertTrigger& trigger, const common::Now& now);

    const HostState& state_;
    Alerts& alerts_;
    AlertPolicy policy_;
    std::shared_ptr<const Rules> rules_;
    std::unordered_map<proto::Uuid, WatchedVm> vms_;
    std::array<AlertTrigger, alertSources> server_;  ///< by the source; those of VMs are not used
    std::map<std::string, AlertTrigger> pools_;
    std::optional<bool> libvirtLost_;  ///< nobody knows before the first attempt
    std::string lostBecause_;
};

}  // namespace rollo::core
