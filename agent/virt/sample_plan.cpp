// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/sample_plan.hpp"

#include <algorithm>
#include <utility>

namespace rollo::virt {

bool isUnresponsive(const Look& look, const SamplePlan::Limits& limits) {
    return !look.job && look.occupied && *look.occupied >= limits.unresponsive;
}

void SamplePlan::baseline(const Looks& looks) {
    for (const Look& look : looks) {
        Guest& guest = guests_[look.uuid];
        if (guest.domainId != look.domainId) guest = Guest{.domainId = look.domainId};
        guest.cpuTimeNs = look.cpuTimeNs;
    }
}

Choice SamplePlan::choose(const Looks& looks, Now now, const Limits& limits) {
    Choice choice;
    std::unordered_map<proto::Uuid, Guest> seen;
    for (const Look& look : looks) {
        const auto old = guests_.find(look.uuid);
        const bool known = old != guests_.end() && old->second.domainId == look.domainId;
        Guest guest = known ? old->second : Guest{.domainId = look.domainId};
        if (!known) guest.cpuTimeNs = look.cpuTimeNs;
        judge(guest, look, now, limits);
        guest.suspect = !mayAsk(guest, known, now, limits);
        auto& list = !guest.suspect                 ? choice.ask
                     : isUnresponsive(look, limits) ? choice.unresponsive
                                                    : choice.silent;
        list.push_back(look.uuid);
        seen.emplace(look.uuid, guest);
    }
    guests_ = std::move(seen);
    return choice;
}

void SamplePlan::judge(Guest& guest, const Look& look, Now now, const Limits& limits) {
    guest.occupied = look.occupied && *look.occupied >= limits.stuck;
    if (guest.occupied) {
        guest.wasStuck = true;
        guest.trustedUntil.reset();
    }
    if (look.cpuTimeNs > guest.cpuTimeNs) guest.advancedAt = now;
    guest.cpuTimeNs = look.cpuTimeNs;
}

bool SamplePlan::mayAsk(const Guest& guest, bool known, Now now, const Limits& limits) const {
    if (guest.occupied) return false;
    if (guest.trustedUntil && now < *guest.trustedUntil) return true;
    if (guest.wasStuck) return false;
    // Without anything to compare with, one that has just been started is as good as any; but a
    // plan that knows nobody cannot tell who has just been started.
    if (!known) return !guests_.empty();
    return guest.advancedAt && now - *guest.advancedAt < limits.grace;
}

bool SamplePlan::wantsProbe(const Guest& guest, Now now, const Limits& limits) {
    if (guest.occupied || guest.probeAt > now) return false;
    if (guest.suspect) return true;
    const bool advances = guest.advancedAt && now - *guest.advancedAt < limits.grace;
    return !advances && guest.trustedUntil && *guest.trustedUntil - now < limits.trust / 4;
}

std::optional<proto::Uuid> SamplePlan::nextProbe(Now now, const Limits& limits) const {
    const std::pair<const proto::Uuid, Guest>* next = nullptr;
    for (const auto& entry : guests_)
        if (wantsProbe(entry.second, now, limits) &&
            (!next || entry.second.probeAt < next->second.probeAt))
            next = &entry;
    return next ? std::optional(next->first) : std::nullopt;
}

void SamplePlan::probing(const proto::Uuid& uuid, Now now, const Limits& limits) {
    const auto found = guests_.find(uuid);
    if (found == guests_.end()) return;
    Guest& guest = found->second;
    guest.probeDelay = std::clamp(2 * guest.probeDelay, limits.probeFirst, limits.probeLongest);
    guest.probeAt = now + guest.probeDelay;
}

void SamplePlan::answered(const proto::Uuid& uuid, Now now, const Limits& limits) {
    const auto found = guests_.find(uuid);
    if (found == guests_.end()) return;
    Guest& guest = found->second;
    guest.suspect = false;
    guest.wasStuck = false;
    guest.probeDelay = {};
    guest.trustedUntil = now + limits.trust;
}

void SamplePlan::tryAgain() {
    for (auto& [uuid, guest] : guests_) {
        guest.occupied = false;
        guest.probeAt = {};
    }
}

std::size_t SamplePlan::suspects() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(guests_, [](const auto& entry) { return entry.second.suspect; }));
}

}  // namespace rollo::virt
