// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>

#include "agent/core/alert_rule.hpp"
#include "common/clock.hpp"

namespace rollo::core {

/// That of the rule's levels; null where it has none of that severity.
const AlertLevel* levelOf(const AlertRule& rule, proto::Severity severity);

/// One rule and the one thing that it watches: with which severity it fires, and since when the
/// figure has called for another one.
class AlertTrigger {
  public:
    /// It fires already, since an earlier run of the agent.
    void restore(proto::Severity severity);

    /// The figure is so large now. A level is reached when the figure has been at or above its
    /// `raise` for as long as the rule says, and left for a smaller one when it has been below its
    /// `clear` for as long. Below the `clear` of the least one it is over at once.
    void see(double figure, const AlertRule& rule, common::Monotonic now);
    /// The figure is not known now. The time until it is counts for nothing.
    void seeNothing(common::Monotonic now);
    /// The rule is another one now: what has held until now and holds by the new one as well goes
    /// on counting.
    void adapt(const AlertRule& from, const AlertRule& to);
    /// It is over, whatever the figure is.
    void reset() { *this = {}; }

    std::optional<proto::Severity> firing() const { return firing_; }
    /// It fires, or may soon.
    bool active() const { return active_; }

  private:
    using Since = std::optional<common::Monotonic>;

    Since& sinceOf(const AlertLevel& level) {
        return since_[static_cast<std::size_t>(level.severity)];
    }
    void passUnknown(common::Monotonic now);
    int present(const AlertRule& rule) const;
    void become(int level, const AlertRule& rule);

    std::optional<proto::Severity> firing_;
    /// For each severity: since when the figure has been at or above its level; for those up to the
    /// firing one, since when it has been below.
    std::array<Since, 4> since_;
    Since unknownSince_;
    bool active_ = false;
};

}  // namespace rollo::core
