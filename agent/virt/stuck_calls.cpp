// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/stuck_calls.hpp"

#include <algorithm>

namespace rollo::virt {

namespace {

/// Libvirt counts in milliseconds of another clock.
constexpr std::chrono::milliseconds rounding{10};

}  // namespace

void StuckCalls::add(const Token& token, std::optional<proto::Uuid> guest, common::Monotonic now) {
    calls_.push_back({token, guest, now});
}

void StuckCalls::reap() {
    std::erase_if(calls_, [](const Call& call) { return call.token.expired(); });
}

bool StuckCalls::guarded(const proto::Uuid& guest) const {
    return std::ranges::find(calls_, guest, &Call::guest) != calls_.end();
}

std::vector<proto::Uuid> StuckCalls::leftOut(common::Monotonic now,
                                             std::chrono::milliseconds patience) const {
    std::vector<proto::Uuid> guests;
    for (const Call& call : calls_) {
        if (!call.guest) continue;
        const bool second = std::ranges::count(calls_, call.guest, &Call::guest) > 1;
        if (second || now - call.since < patience) guests.push_back(*call.guest);
    }
    return guests;
}

std::optional<proto::Uuid> StuckCalls::heldUpBy(const Looks& looks, common::Monotonic began,
                                                common::Monotonic now) const {
    for (const Call& call : calls_) {
        if (!call.guest) continue;
        const auto look = std::ranges::find(looks, *call.guest, &Look::uuid);
        if (look == looks.end() || !occupiedSince(*look, call.since)) return std::nullopt;
    }
    for (const Look& look : looks) {
        if (!occupiedSince(look, now - hungAfter) || guarded(look.uuid)) continue;
        const bool sinceBefore = *look.occupiedSince < began - rounding;
        if (!sinceBefore) return look.uuid;
    }
    return std::nullopt;
}

}  // namespace rollo::virt
