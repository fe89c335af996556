// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <unordered_map>

#include "agent/core/host_state.hpp"
#include "agent/core/hub.hpp"
#include "common/clock.hpp"
#include "proto/events.hpp"

namespace rollo::core {

/// The operations under way, whoever does them: libvirt, whose jobs `Jobs` follows, or other
/// programs, which publish theirs. Each is told when it begins, when it ends, and how far it is in
/// between.
class Operations {
  public:
    /// Ids that begin so are the agent's own.
    static constexpr std::string_view ownIds = "libvirt:";
    /// Published operations under way at once.
    static constexpr std::size_t mostPublished = 1000;
    /// A published operation of which nothing was heard for so long is told as failed.
    static constexpr std::chrono::minutes longestSilence{60};

    enum class Refusal { reservedId, tooMany };

    Operations(HostState& state, Hub& hub) : state_(state), hub_(hub) {}

    /// Takes how far an operation of another program is. Texts are bounded by the caller; the
    /// percentage is not: it is brought into its limits and never goes down. `vm`, once given,
    /// stays. After its end an id begins anew. `tooMany` is said to one that would begin.
    std::expected<void, Refusal> report(proto::Progress progress, const common::Now& now);
    /// The same for an operation of the agent's own, which is never refused.
    void tell(proto::Progress progress, const common::Now& now);

    /// The VM is known by other names from now on, and who may hear of its operations goes by them.
    void follow(const proto::VmIdentity& vm, const common::Now& now);
    /// Ends those of which nothing was heard.
    void tick(const common::Now& now);

  private:
    HostState& state_;
    Hub& hub_;
    std::unordered_map<std::string, common::Monotonic> heard_;  ///< published ones: when last
};

}  // namespace rollo::core
