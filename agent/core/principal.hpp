// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/clock.hpp"
#include "proto/ids.hpp"

namespace rollo::core {

enum class Permission : std::uint8_t {
    vmView = 1 << 0,
    serverView = 1 << 1,
    consoleRead = 1 << 2,
    consoleWrite = 1 << 3,
    consoleForce = 1 << 4,
    statsView = 1 << 5,
    eventsPublish = 1 << 6,
};

/// A set of permissions.
struct Permissions {
    std::uint8_t bits = 0;

    bool has(Permission permission) const {
        return (bits & static_cast<std::uint8_t>(permission)) != 0;
    }
    void add(Permission permission) { bits |= static_cast<std::uint8_t>(permission); }
    /// In the wire's words and the table's order.
    std::vector<std::string_view> words() const;
    bool operator==(const Permissions&) const = default;
};

/// `vm:view` and so on; nothing for an unknown word.
std::optional<Permission> permission(std::string_view word);
/// What a role grants (`viewer`, `operator`, `admin`); nothing for an unknown one.
std::optional<Permissions> permissionsOfRole(std::string_view role);

/// A VM that a token names: an integer (matched only against ids of the platform), a UUID, a name.
using VmScope = std::variant<proto::VmId, proto::Uuid, std::string>;

/// Who a connection speaks for, and what that person may see. Made from a verified token, or
/// anonymous; nothing else of the token stays.
struct Principal {
    std::optional<std::string> user;  ///< the `sub` claim; empty: anonymous
    std::string role = "anonymous";
    Permissions permissions;
    std::optional<std::vector<VmScope>> vms;  ///< the only VMs that exist for it; empty: all
    std::optional<common::WallClock> expiresAt;
    std::optional<std::string> tokenId;  ///< the `jti` claim

    /// Adds what a role grants, and is shown by it where it is the greatest so far. False: there is
    /// no such role, and nothing is added.
    bool addRole(std::string_view word);

    static Principal anonymous();
    /// Who comes through the socket that is for publishing alone.
    static Principal publisher();

    bool mayView(const proto::VmIdentity& vm) const;
    /// Events tied to the server, or to nothing: never for a principal bound to some VMs.
    bool mayViewServer() const { return permissions.has(Permission::serverView) && !vms; }
    /// The agent's own figures, which tell of every VM: never for a principal bound to some.
    bool mayViewStats() const { return permissions.has(Permission::statsView) && !vms; }
    bool mayViewUntied() const { return permissions.has(Permission::vmView) && !vms; }
    bool mayPublishAbout(const proto::VmIdentity& vm) const;
    /// About the server, or something that the agent does not know.
    bool mayPublishUntied() const { return permissions.has(Permission::eventsPublish) && !vms; }

  private:
    bool reaches(const proto::VmIdentity& vm) const;
};

}  // namespace rollo::core
