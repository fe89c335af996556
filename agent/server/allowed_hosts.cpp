// SPDX-License-Identifier: Apache-2.0
#include "agent/server/allowed_hosts.hpp"

#include <algorithm>

#include "agent/server/authority.hpp"

namespace rollo::server {
namespace {

constexpr std::string_view below = "*.";

/// The text is a host alone, without a port.
bool isHost(std::string_view text) {
    const auto authority = Authority::parse(text);
    return authority && !authority->port && !text.ends_with(':');
}

}  // namespace

bool AllowedHosts::isEntry(std::string_view text) {
    return text == "*" || isHost(text.starts_with(below) ? text.substr(below.size()) : text);
}

AllowedHosts::AllowedHosts(const std::vector<std::string>& entries) {
    for (const std::string_view entry : entries) {
        const bool suffix = entry.starts_with(below);
        const auto name = Authority::parse(suffix ? entry.substr(below.size()) : entry);
        if (entry == "*")
            any_ = true;
        else if (name && suffix)
            suffixes_.push_back("." + name->host);
        else if (name)
            names_.push_back(name->host);
    }
}

bool AllowedHosts::allows(std::string_view host) const {
    if (any_) return true;
    const auto authority = Authority::parse(host);
    if (!authority) return false;
    if (authority->literal || std::ranges::find(names_, authority->host) != names_.end())
        return true;
    return std::ranges::any_of(
        suffixes_, [&](const auto& suffix) { return authority->host.ends_with(suffix); });
}

}  // namespace rollo::server
