// SPDX-License-Identifier: Apache-2.0
#include "agent/server/token_failures.hpp"

namespace rollo::server {
namespace {

using std::chrono::milliseconds;

/// Who owns many networks can have as many sites: beyond this all are forgiven.
constexpr std::size_t mostSites = 16'384;

common::TokenBucket::Rate rateOf(double perMinute) {
    return {perMinute / 60, perMinute};
}

}  // namespace

milliseconds TokenFailures::until(const Address& site, double perMinute,
                                  common::Monotonic now) const {
    const auto found = sites_.find(site);
    return found == sites_.end() ? milliseconds::zero()
                                 : found->second.until(1, rateOf(perMinute), now);
}

void TokenFailures::note(const Address& site, double perMinute, common::Monotonic now) {
    if (sites_.size() >= mostSites && !sites_.contains(site)) sites_.clear();
    sites_[site].take(1, rateOf(perMinute), now);
}

void TokenFailures::tick(double perMinute, common::Monotonic now) {
    std::erase_if(sites_, [&](const auto& each) {
        return each.second.untilFull(rateOf(perMinute), now) == milliseconds::zero();
    });
}

}  // namespace rollo::server
