// SPDX-License-Identifier: Apache-2.0
#include "agent/core/principal.hpp"

#include <algorithm>
#include <array>

namespace rollo::core {
namespace {

struct PermissionWord {
    std::string_view word;
    Permission permission;
};

constexpr std::array permissionWords = {
    PermissionWord{"vm:view", Permission::vmView},
    PermissionWord{"server:view", Permission::serverView},
    PermissionWord{"console:read", Permission::consoleRead},
    PermissionWord{"console:write", Permission::consoleWrite},
    PermissionWord{"console:force", Permission::consoleForce},
    PermissionWord{"stats:view", Permission::statsView},
    PermissionWord{"events:publish", Permission::eventsPublish},
};

Permissions of(std::initializer_list<Permission> list) {
    Permissions all;
    for (const auto each : list) all.add(each);
    return all;
}

bool names(const VmScope& scope, const proto::VmIdentity& vm) {
    if (const auto* id = std::get_if<proto::VmId>(&scope)) return vm.idFromPlatform && *id == vm.id;
    if (const auto* uuid = std::get_if<proto::Uuid>(&scope)) return *uuid == vm.uuid;
    return std::get<std::string>(scope) == vm.name;
}

}  // namespace

std::vector<std::string_view> Permissions::words() const {
    std::vector<std::string_view> words;
    for (const auto& known : permissionWords)
        if (has(known.permission)) words.push_back(known.word);
    return words;
}

std::optional<Permission> permission(std::string_view word) {
    for (const auto& known : permissionWords)
        if (known.word == word) return known.permission;
    return std::nullopt;
}

std::optional<Permissions> permissionsOfRole(std::string_view role) {
    using enum Permission;
    if (role == "viewer") return of({vmView, serverView});
    if (role == "operator") return of({vmView, serverView, consoleRead, consoleWrite});
    if (role == "admin")
        return of({vmView, serverView, consoleRead, consoleWrite, consoleForce, statsView,
                   eventsPublish});
    return std::nullopt;
}

bool Principal::addRole(std::string_view word) {
    const auto granted = permissionsOfRole(word);
    if (!granted) return false;
    // Each grants all that the lesser ones do.
    if ((permissions.bits | granted->bits) != permissions.bits || role.empty()) role = word;
    permissions.bits |= granted->bits;
    return true;
}

Principal Principal::anonymous() {
    Principal principal;
    principal.permissions = *permissionsOfRole("viewer");
    return principal;
}

Principal Principal::publisher() {
    Principal principal;
    principal.role.clear();
    principal.permissions.add(Permission::eventsPublish);
    return principal;
}

bool Principal::mayView(const proto::VmIdentity& vm) const {
    return permissions.has(Permission::vmView) && reaches(vm);
}

bool Principal::mayPublishAbout(const proto::VmIdentity& vm) const {
    return permissions.has(Permission::eventsPublish) && reaches(vm);
}

bool Principal::reaches(const proto::VmIdentity& vm) const {
    return !vms || std::any_of(vms->begin(), vms->end(),
                               [&](const VmScope& scope) { return names(scope, vm); });
}

}  // namespace rollo::core
