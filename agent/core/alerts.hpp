// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/host_state.hpp"
#include "agent/core/hub.hpp"
#include "common/clock.hpp"
#include "proto/events.hpp"

namespace rollo::core {

/// What another program says of an alert of its own.
struct AlertReport {
    /// `firing` false: it is over. Times and count stand below.
    proto::Alert alert;
    // Empty: left out.
    std::optional<common::WallClock> firstSeen, lastSeen;
    std::optional<std::int64_t> count;
};

/// What the ids of the agent's own alerts begin with that no rule makes: `WORD` or `WORD:UUID`.
inline constexpr std::string_view conflictAlert = "vm-id-conflict";
inline constexpr std::string_view unsavedAlert = "agent-state-unsaved";

enum class AlertRefusal {
    ownId,   ///< the id is one of those that the agent gives to its own alerts
    tooMany  ///< Alerts::largestPublished fire already
};

/// The alerts that fire: the agent's own, and those that other programs publish. Each is told when
/// it begins to fire, changes its severity, and resolves; in between it is kept current for
/// snapshots. What fires outlives the agent.
class Alerts {
  public:
    static constexpr std::size_t largestPublished = 1000;

    Alerts(HostState& state, Hub& hub) : state_(state), hub_(hub) {}

    /// Those that fired when the last run of the agent saved them. Nothing is told: they go on.
    /// Before anything else is called.
    void restore(const std::vector<proto::Alert>& saved);
    std::vector<proto::Alert> saved() const;
    /// True, once, when what `saved` answers has changed in a way that is worth writing: something
    /// was told, or figures have changed and the last time is some minutes ago.
    bool takeUnsaved(const common::Now& now);

    const proto::Alert* find(const std::string& id) const;
    /// Begins to fire and is told; or one that fires already has changed and is told again: it
    /// keeps when it was first seen, and counts one more.
    void raise(proto::Alert alert, const common::Now& now);
    /// Seen again: counted, and told to nobody. Nothing where it does not fire.
    void keep(const std::string& id, proto::Figure value, const common::Now& now);
    /// Nothing where it does not fire. `value`: the figure that ends it, where there is one.
    void resolve(const std::string& id, const common::Now& now, proto::Figure value = {});

    /// Takes over what another program publishes, and tells it. Refused: nothing happens. What was
    /// left out stays as it is where the alert fires already, the count growing by one; else it is
    /// now, and 1. One that is over and was not known to fire is told and forgotten.
    std::expected<void, AlertRefusal> report(AlertReport report, const common::Now& now);

    /// The VM is called so from now on, and who may hear of it goes by that.
    void follow(const proto::VmIdentity& vm);
    /// There is no such VM any more: what fires about it is over.
    void resolveAllOf(const proto::Uuid& vm, const common::Now& now);
    /// The same for every VM of which `isThere` says no.
    void resolveGone(const std::function<bool(const proto::Uuid&)>& isThere,
                     const common::Now& now);
    /// The server's id is known now.
    void setServerId(proto::ServerId id);

  private:
    using Firing = std::map<std::string, proto::Alert>;

    void tell(const proto::Alert& alert, const common::Now& now);
    void end(Firing::iterator firing, const common::Now& now);

    HostState& state_;
    Hub& hub_;
    std::size_t published_ = 0;  ///< how many of those that fire
    bool told_ = false;          ///< since they were saved
    bool kept_ = false;          ///< the same, of what is not worth writing at once
    common::Monotonic savedAt_{};
};

}  // namespace rollo::core
