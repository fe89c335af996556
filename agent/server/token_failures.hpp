// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <map>

#include "agent/server/address.hpp"
#include "common/clock.hpp"
#include "common/token_bucket.hpp"

namespace rollo::server {

/// How many tokens with a wrong signature come from each site. To look at one takes the main loop
/// up to half a millisecond, so that whoever sends too many of them is not looked at for a while:
/// so many a minute in the long run, and as many at once.
/// Thread: main.
class TokenFailures {
  public:
    /// How long until a token from that site is looked at again; zero: it is.
    std::chrono::milliseconds until(const Address& site, double perMinute,
                                    common::Monotonic now) const;
    /// One more has failed.
    void note(const Address& site, double perMinute, common::Monotonic now);
    /// Forgets those of whom nothing has to be known any more. About once a second.
    void tick(double perMinute, common::Monotonic now);

    std::size_t sites() const { return sites_.size(); }

  private:
    std::map<Address, common::TokenBucket> sites_;
};

}  // namespace rollo::server
