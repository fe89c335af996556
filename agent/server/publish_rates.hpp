// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "common/clock.hpp"
#include "common/token_bucket.hpp"

namespace rollo::server {

/// How fast each program may publish, however many connections it has: so many events a second in
/// the long run, and two seconds of them at once, or as many as one request may bring. Programs are
/// told apart by the user of their token; those of the publishing socket, who have none, are one.
/// Thread: main.
class PublishRates {
  public:
    using User = std::optional<std::string>;

    /// Takes `events`; zero: they may be published. Else nothing is taken, and it says how long
    /// until they may.
    std::chrono::milliseconds take(const User& user, std::size_t events, double perSecond,
                                   common::Monotonic now);
    /// How long until one may be published.
    std::chrono::milliseconds until(const User& user, double perSecond,
                                    common::Monotonic now) const;
    /// Forgets those of whom nothing has to be known any more. About once a second.
    void tick(double perSecond, common::Monotonic now);

    std::size_t users() const { return buckets_.size(); }

  private:
    std::map<User, common::TokenBucket> buckets_;
};

}  // namespace rollo::server
