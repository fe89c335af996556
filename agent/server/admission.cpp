// SPDX-License-Identifier: Apache-2.0
#include "agent/server/admission.hpp"

#include <algorithm>

namespace rollo::server {
namespace {

/// Who owns many networks can have as many sites. Beyond this what is known of those without a
/// connection is given up, so that memory is bounded by the connections.
constexpr std::size_t mostIdleSites = 16'384;

}  // namespace

common::TokenBucket::Rate Admission::rate() const {
    return {.perSecond = limits_.newPerSecond, .burst = 2 * limits_.newPerSecond};
}

std::optional<Address> Admission::Limits::siteOf(const std::optional<Address>& address) const {
    const auto has = [&](const Network& network) { return network.contains(*address); };
    if (!address || std::ranges::any_of(exempt, has)) return std::nullopt;
    return server::siteOf(*address);
}

std::optional<Refused> Admission::admitToSite(Site& site, common::Monotonic now) {
    // An attempt over the cap is an attempt all the same.
    if (!site.fresh.take(1, rate(), now)) return Refused::connectionRate;
    if (site.connections >= limits_.perAddress) return Refused::connectionsPerAddress;
    return std::nullopt;
}

Admission::Site* Admission::siteAt(const std::optional<Address>& address) {
    const auto place = limits_.siteOf(address);
    if (!place) return nullptr;
    if (sites_.size() >= connections_ + mostIdleSites)
        std::erase_if(sites_, [](const auto& each) { return each.second.connections == 0; });
    return &sites_[*place];
}

std::optional<Refused> Admission::admit(const std::optional<Address>& address,
                                        common::Monotonic now) {
    if (const auto refused = join(address, now)) return refused;
    if (connections_ < limits_.connections) {
        ++connections_;
        return std::nullopt;
    }
    part(address);
    return Refused::connections;
}

void Admission::leave(const std::optional<Address>& address) {
    --connections_;
    part(address);
}

std::optional<Refused> Admission::join(const std::optional<Address>& address,
                                       common::Monotonic now) {
    Site* site = siteAt(address);
    if (!site) return std::nullopt;
    const auto refused = admitToSite(*site, now);
    if (!refused) ++site->connections;
    return refused;
}

void Admission::part(const std::optional<Address>& address) {
    if (!address) return;
    const auto found = sites_.find(siteOf(*address));
    if (found != sites_.end() && found->second.connections > 0) --found->second.connections;
}

bool Admission::takeRequest(const std::optional<Address>& address, common::Monotonic now) {
    Site* site = siteAt(address);
    return !site || site->fresh.take(1, rate(), now);
}

void Admission::tick(common::Monotonic now) {
    std::erase_if(sites_, [&](const auto& each) {
        return each.second.connections == 0 &&
               each.second.fresh.untilFull(rate(), now).count() == 0;
    });
}

}  // namespace rollo::server
