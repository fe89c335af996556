// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rollo::proto {

using VmId = std::int64_t;
using ServerId = std::int64_t;
/// Counts the ordered events of one epoch, from 1; 0 stands before the first.
using Seq = std::uint64_t;

/// A libvirt UUID (RFC 9562), in the 16 raw bytes of virDomainGetUUID.
struct Uuid {
    std::array<unsigned char, 16> bytes{};

    /// The canonical form, any case, with the four hyphens; nothing else.
    static std::optional<Uuid> parse(std::string_view text);
    std::string toString() const;

    auto operator<=>(const Uuid&) const = default;
};

/// What identifies a VM to permissions and filters at one moment.
struct VmIdentity {
    VmId id = 0;
    Uuid uuid;
    std::string name;
    /// The id stands in the domain's metadata, so it names the same guest on every host.
    bool idFromPlatform = false;

    bool operator==(const VmIdentity&) const = default;
};

}  // namespace rollo::proto

template <>
struct std::hash<rollo::proto::Uuid> {
    std::size_t operator()(const rollo::proto::Uuid& uuid) const noexcept {
        return std::hash<std::string_view>()(
            {reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()});
    }
};
