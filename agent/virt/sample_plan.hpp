// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "agent/core/observation.hpp"

namespace rollo::virt {

/// What can be seen of an active guest without its monitor (virDomainGetInfo and
/// virDomainGetControlInfo).
struct Look {
    proto::Uuid uuid;
    int domainId = -1;
    std::uint64_t cpuTimeNs = 0;
    /// A job (save, migration, dump) is active: it may keep the monitor busy for long.
    bool job = false;
    /// For how long the present command has kept the monitor, if one does.
    std::optional<std::chrono::milliseconds> occupied;
};
using Looks = std::vector<Look>;

/// Whom a careful round asks, and whom it leaves out; each guest stands in one list.
struct Choice {
    std::vector<proto::Uuid> ask;
    std::vector<proto::Uuid> silent;
    std::vector<proto::Uuid> unresponsive;
};

/// Decides, while some guest's monitor hangs, which guests are safe to ask. Each call that hangs
/// costs a worker of the daemon, so a guest is asked only on evidence that it lives: its CPU time
/// has advanced since the last look, or it answered a probe of its own. Pure: no libvirt, no clock.
class SamplePlan {
  public:
    using Now = std::chrono::steady_clock::time_point;
    struct Limits {
        /// A monitor that is occupied longer is stuck: not asked, and probed before it comes back.
        std::chrono::milliseconds stuck{1000};
        /// One that is occupied longer does not answer: the guest is unresponsive.
        std::chrono::milliseconds unresponsive{10000};
        /// For how long an answered probe counts although the CPU time stands still (an idle or
        /// paused guest).
        std::chrono::milliseconds trust{60000};
        /// For how long CPU time may stand still: it moves in steps of 10 ms.
        std::chrono::milliseconds grace{3000};
        std::chrono::milliseconds probeFirst{2000};
        std::chrono::milliseconds probeLongest{30000};
    };

    /// Remembers CPU times to compare the first careful round with.
    void baseline(const Looks& looks);
    Choice choose(const Looks& looks, Now now, const Limits& limits);
    /// Whose turn it is to be asked alone: a suspect, or one whose last answer wears off.
    std::optional<proto::Uuid> nextProbe(Now now, const Limits& limits) const;
    /// The probe was sent; the next one waits, longer each time, unless it is answered.
    void probing(const proto::Uuid& uuid, Now now, const Limits& limits);
    void answered(const proto::Uuid& uuid, Now now, const Limits& limits);
    /// A call that hung has come back: all suspects may be tried again at once.
    void tryAgain();

    std::size_t suspects() const;

  private:
    struct Guest {
        int domainId = -1;
        std::uint64_t cpuTimeNs = 0;
        bool suspect = false;
        bool occupied = false;
        bool wasStuck = false;  ///< its CPU time alone does not clear it
        std::optional<Now> trustedUntil;
        std::optional<Now> advancedAt;
        Now probeAt{};
        std::chrono::milliseconds probeDelay{0};
    };

    static void judge(Guest& guest, const Look& look, Now now, const Limits& limits);
    bool mayAsk(const Guest& guest, bool known, Now now, const Limits& limits) const;
    static bool wantsProbe(const Guest& guest, Now now, const Limits& limits);

    std::unordered_map<proto::Uuid, Guest> guests_;
};

/// A command, whoever sent it, has been waiting for the monitor for too long, and no job explains
/// it.
bool isUnresponsive(const Look& look, const SamplePlan::Limits& limits);

}  // namespace rollo::virt
