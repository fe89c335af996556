// SPDX-License-Identifier: Apache-2.0
#include "agent/server/publish_rates.hpp"

#include <algorithm>

#include "proto/published.hpp"

namespace rollo::server {
namespace {

using std::chrono::milliseconds;

common::TokenBucket::Rate rateOf(double perSecond) {
    return {perSecond, std::max(2 * perSecond, static_cast<double>(proto::mostPublished))};
}

}  // namespace

milliseconds PublishRates::take(const User& user, std::size_t events, double perSecond,
                                common::Monotonic now) {
    const auto rate = rateOf(perSecond);
    const auto amount = static_cast<double>(events);
    auto& bucket = buckets_[user];
    if (bucket.take(amount, rate, now)) return milliseconds::zero();
    return std::max(milliseconds(1), bucket.until(amount, rate, now));
}

milliseconds PublishRates::until(const User& user, double perSecond, common::Monotonic now) const {
    const auto found = buckets_.find(user);
    if (found == buckets_.end()) return milliseconds::zero();
    return found->second.until(1, rateOf(perSecond), now);
}

void PublishRates::tick(double perSecond, common::Monotonic now) {
    std::erase_if(buckets_, [&](const auto& each) {
        return each.second.untilFull(rateOf(perSecond), now) == milliseconds::zero();
    });
}

}  // namespace rollo::server
