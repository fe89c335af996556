// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/core/host_bench.hpp"
#include "tests/unit/core/samples.hpp"

/// A host whose alerts are looked at. VM 1 runs, as the domain 5.
namespace rollo::tests {

using core::AlertLevel;
using core::AlertPolicy;
using core::AlertSource;

/// The alerts among what was heard since the last call: `vm_memory warning firing`.
inline Lines alertsHeard(HostBench& bench) {
    Lines lines;
    for (const auto& message : bench.messages())
        if (message.type() == "alert")
            lines.push_back(fmt::format("{} {} {}", message.text("data.alert_type"),
                                        message.text("data.severity"), message.text("data.state")));
    return lines;
}

inline AlertPolicy policyOf(std::vector<core::AlertRule> rules) {
    AlertPolicy policy;
    policy.rules = std::move(rules);
    return policy;
}
/// Memory from 90 % on for a minute: warning; from 98 %: critical.
inline core::AlertRule memoryRule() {
    return {AlertSource::vmMemory,
            true,
            std::chrono::seconds(60),
            {{proto::Severity::warning, 90, 80}, {proto::Severity::critical, 98, 95}}};
}
/// One without thresholds.
inline core::AlertRule happeningRule(AlertSource source, std::chrono::seconds lasts = {}) {
    return {source, true, lasts, {{proto::Severity::error, 0, 0}}};
}

class AlertBench : public HostBench {
  public:
    explicit AlertBench(AlertPolicy policy, const core::SavedState& saved = {})
        : HostBench(saved, 7, std::move(policy)) {}

    /// VM 1 is there and runs.
    AlertBench& beginRunning() {
        begin({runningVm(1, 5)});
        return *this;
    }
    /// A sample of that moment in which VM 1 uses so much of its memory.
    AlertBench& use(std::chrono::milliseconds when, double percent, int domainId = 5) {
        clock = when;
        auto sample = sampleOf(1, domainId, when);
        sample.balloonAvailableKib = 100'000;
        sample.balloonUsableKib = static_cast<std::uint64_t>(100'000 - 1000 * percent);
        sample.balloonLastUpdate = static_cast<std::uint64_t>(
            std::chrono::floor<std::chrono::seconds>(at(when).wall.time_since_epoch()).count());
        tell(sampled({sample}));
        return *this;
    }
    AlertBench& hostUses(std::chrono::milliseconds when, core::HostSample sample) {
        clock = when;
        sample.takenAt = at(when).mono;
        core::SampleTaken taken;
        taken.host = std::move(sample);
        tell(taken);
        return *this;
    }
    /// What fires, as a snapshot has it; throws where it does not.
    const proto::Alert& firing(const std::string& id) const { return host.state().alerts.at(id); }
    bool quiet() const { return host.state().alerts.empty(); }
    Lines alerts() { return alertsHeard(*this); }
};

/// The id of a rule's alert about VM 1.
inline std::string idOfVm1(AlertSource source) {
    return fmt::format("{}:{}", core::word(source), domain(1).uuid.toString());
}

}  // namespace rollo::tests
