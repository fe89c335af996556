// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "agent/virt/left_behind.hpp"
#include "agent/virt/look.hpp"
#include "common/clock.hpp"

namespace rollo::virt {

/// The statistics calls that were left behind. A call that hangs in a guest's monitor holds that
/// guest's job, and so guards it: all later calls skip the guest at once
/// (VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT).
/// Thread: main.
class StuckCalls {
  public:
    /// `guest` is the one whose monitor hangs, where that is known.
    void add(const Token& token, std::optional<proto::Uuid> guest, common::Monotonic now);
    std::size_t size() const { return calls_.size(); }
    /// Forgets those that have come back.
    void reap();

    /// The guests of which no more may be asked: two of their calls hang, or one, and not yet for
    /// longer than `patience`, after which what held it up may be over for others.
    std::vector<proto::Uuid> leftOut(common::Monotonic now,
                                     std::chrono::milliseconds patience) const;

    /// The guest whose monitor holds up the round that began then. Nothing if no monitor explains
    /// why it takes so long; and nothing while an earlier call is under way again, let go by its
    /// guest: monitors are slow then rather than hung, and giving up calls makes that worse.
    std::optional<proto::Uuid> heldUpBy(const Looks& looks, common::Monotonic began,
                                        common::Monotonic now) const;

  private:
    struct Call {
        std::weak_ptr<const char> token;
        std::optional<proto::Uuid> guest;
        common::Monotonic since;
    };
    bool guarded(const proto::Uuid& guest) const;

    std::vector<Call> calls_;
};

}  // namespace rollo::virt
