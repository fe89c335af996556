// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/clock.hpp"
#include "proto/events.hpp"
#include "proto/ids.hpp"
#include "proto/messages.hpp"

/// What other programs publish, as they say it: nothing is looked up yet.
namespace rollo::proto {

/// A VM by its id, its UUID, or both, which then have to be one VM's.
struct VmNamed {
    std::optional<VmId> id;
    std::optional<Uuid> uuid;

    bool any() const { return id || uuid; }
};

struct PublishedProgress {
    Progress progress;  ///< all but `vm` and `begins`; the percentage from 0 to 100
    VmNamed vm;
};

struct PublishedAlert {
    Alert alert;  ///< all but what follows, `vm`, `other` and `serverId`
    std::string entityType;
    std::optional<std::int64_t> entityId;
    std::optional<Uuid> vmUuid;  ///< for the type `vm`, which has this or the id
    std::optional<common::WallClock> firstSeen, lastSeen;
    std::optional<std::int64_t> count;
};

struct Published {
    std::string place;  ///< of its members in what was read: `data`, or `[3].data`
    std::variant<PublishedProgress, PublishedAlert> event;
};

/// As many as one request may bring.
inline constexpr std::size_t mostPublished = 64;

/// Reads what a program publishes: one event, or an array of 1 to `mostPublished`. Untrusted: every
/// answer but well-formed events is an Error that names what is wrong and where (`data.status`, in
/// an array `[3].data.status`), in fixed words. How long the text may be is the caller's to say.
std::expected<std::vector<Published>, Error> decodePublished(std::string_view text);

}  // namespace rollo::proto
