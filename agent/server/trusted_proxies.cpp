// SPDX-License-Identifier: Apache-2.0
#include "agent/server/trusted_proxies.hpp"

#include <algorithm>

#include "agent/server/listen_address.hpp"

namespace rollo::server {
namespace {

constexpr std::string_view unixPrefix = "unix:";

}  // namespace

TrustedProxies::TrustedProxies(const std::vector<std::string>& entries) {
    for (const auto& entry : entries) {
        if (entry.starts_with(unixPrefix))
            sockets_.push_back(entry.substr(unixPrefix.size()));
        else if (const auto network = Network::parse(entry))
            networks_.push_back(*network);
    }
}

bool TrustedProxies::isEntry(std::string_view text) {
    if (text.starts_with(unixPrefix)) return ListenAddress::parse(text).has_value();
    return Network::parse(text).has_value();
}

bool TrustedProxies::contains(const Address& address) const {
    return std::ranges::any_of(networks_,
                               [&](const Network& network) { return network.contains(address); });
}

bool TrustedProxies::containsSocket(std::string_view path) const {
    return std::ranges::find(sockets_, path) != sockets_.end();
}

}  // namespace rollo::server
