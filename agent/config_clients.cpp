// SPDX-License-Identifier: Apache-2.0
#include "agent/config_clients.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <variant>

#include "agent/config_option.hpp"

namespace rollo::agent {
namespace {

using core::Principal;

constexpr std::string_view roleWords = "\"viewer\", \"operator\" or \"admin\"";

std::string prefixOf(std::string_view client) {
    return fmt::format("tls.clients.{}", option::quoted(client));
}

/// One client's table, key by key.
class Reader {
  public:
    explicit Reader(Principal& principal) : principal_(principal) { principal_.role.clear(); }

    /// What is wrong with it.
    std::optional<std::string> take(std::string_view key, const toml::node& node) {
        if (key == "role") return takeRoles({node.value<std::string>().value_or("")});
        if (key == "vms") return takeVms(node.as_array());
        const ConfigValue value = valueOf(node);
        const auto* words = std::get_if<std::vector<std::string>>(&value);
        if (key == "roles") return words ? takeRoles(*words) : wrongRoles();
        if (key == "permissions") return words ? takePermissions(*words) : wrongPermissions();
        return "unknown key; there are role, roles, permissions, vms";
    }
    /// The list of permissions replaces what the roles grant.
    std::optional<std::string> finish() {
        if (permissions_) principal_.permissions = *permissions_;
        if (permissions_ || !principal_.role.empty()) return std::nullopt;
        return "needs a role or permissions";
    }

  private:
    static std::string wrongRoles() { return fmt::format("must be {}", roleWords); }
    static std::string wrongPermissions() { return "must be a list of permissions"; }

    std::optional<std::string> takeRoles(const std::vector<std::string>& words) {
        for (const std::string& word : words)
            if (!principal_.addRole(word)) return wrongRoles();
        return std::nullopt;
    }

    std::optional<std::string> takePermissions(const std::vector<std::string>& words) {
        permissions_.emplace();
        for (const std::string& word : words) {
            const auto permission = core::permission(word);
            if (!permission) return fmt::format("{} is no permission", option::quoted(word));
            permissions_->add(*permission);
        }
        return std::nullopt;
    }

    std::optional<std::string> takeVms(const toml::array* list) {
        constexpr const char* wrong = "must be a list of ids, UUIDs or names";
        if (!list) return wrong;
        auto& vms = principal_.vms.emplace();
        for (const toml::node& entry : *list) {
            const auto* id = entry.as_integer();
            const auto* text = entry.as_string();
            if (!(id && id->get() > 0) && !(text && option::isText(text->get()))) return wrong;
            const auto uuid = text ? proto::Uuid::parse(text->get()) : std::nullopt;
            if (id)
                vms.emplace_back(proto::VmId{id->get()});
            else if (uuid)
                vms.emplace_back(*uuid);
            else
                vms.emplace_back(text->get());
        }
        return std::nullopt;
    }

    Principal& principal_;
    std::optional<core::Permissions> permissions_;
};

void readClient(const toml::key& key, const toml::table& keys, TlsClients& clients,
                FileErrors& errors) {
    const std::string name = prefixOf(key.str());
    Principal principal;
    Reader reader(principal);
    bool good = true;
    for (const auto& [member, node] : keys) {
        const auto fault = reader.take(member.str(), node);
        if (!fault) continue;
        errors.report(member.source(), fmt::format("{}.{}", name, member.str()), *fault);
        good = false;
    }
    if (const auto fault = reader.finish(); fault && good)
        errors.report(key.source(), name, *fault);
    clients.insert_or_assign(std::string(key.str()), std::move(principal));
}

std::string print(const core::VmScope& vm) {
    if (const auto* id = std::get_if<proto::VmId>(&vm)) return std::to_string(*id);
    if (const auto* uuid = std::get_if<proto::Uuid>(&vm)) return option::quoted(uuid->toString());
    return option::quoted(std::get<std::string>(vm));
}

}  // namespace

void applyTlsClients(const toml::table& tables, TlsClients& clients, FileErrors& errors) {
    for (const auto& [key, node] : tables) {
        const toml::table* keys = node.as_table();
        if (!option::isText(key.str()))
            errors.report(key.source(), prefixOf(key.str()), "must be a name in a certificate");
        else if (!keys)
            errors.report(key.source(), prefixOf(key.str()), "must be a section");
        else
            readClient(key, *keys, clients, errors);
    }
}

std::vector<std::pair<std::string, std::string>> printTlsClients(const TlsClients& clients) {
    std::vector<std::pair<std::string, std::string>> lines;
    for (const auto& [name, principal] : clients) {
        const std::string prefix = prefixOf(name);
        std::vector<std::string> permissions, vms;
        for (const auto word : principal.permissions.words())
            permissions.push_back(option::quoted(word));
        lines.emplace_back(prefix + ".role", option::quoted(principal.role));
        lines.emplace_back(prefix + ".permissions",
                           fmt::format("[{}]", fmt::join(permissions, ", ")));
        if (!principal.vms) continue;
        for (const core::VmScope& vm : *principal.vms) vms.push_back(print(vm));
        lines.emplace_back(prefix + ".vms", fmt::format("[{}]", fmt::join(vms, ", ")));
    }
    return lines;
}

}  // namespace rollo::agent
