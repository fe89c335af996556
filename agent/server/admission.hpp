// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "agent/server/address.hpp"
#include "agent/server/counters.hpp"
#include "common/clock.hpp"
#include "common/token_bucket.hpp"

namespace rollo::server {

/// How many connections there may be: in all, of one address, and new ones of one address. An IPv6
/// address counts as its /64. Connections by UNIX socket and from exempt networks, behind which
/// many clients may stand, count in all alone; so do those of trusted proxies, whose clients count
/// for their own addresses.
/// Thread: main.
class Admission {
  public:
    struct Limits {
        std::size_t connections = 4096;
        std::size_t perAddress = std::numeric_limits<std::size_t>::max();
        double newPerSecond = 1e9;  ///< of one address; twice as many at once
        std::vector<Network> exempt;

        /// For which site its limits hold; none for UNIX sockets and exempt networks.
        std::optional<Address> siteOf(const std::optional<Address>& address) const;
    };

    explicit Admission(Limits limits) : limits_(std::move(limits)) {}
    const Limits& limits() const { return limits_; }
    /// For connections to come; those that are there stay.
    void setLimits(Limits limits) { limits_ = std::move(limits); }

    /// Counts a connection in, or says why not.
    std::optional<Refused> admit(const std::optional<Address>& address, common::Monotonic now);
    /// Counts one out that was let in.
    void leave(const std::optional<Address>& address);

    /// Counts a client in for its address alone: the connection is a proxy's, and counted already.
    /// Or says why not.
    std::optional<Refused> join(const std::optional<Address>& address, common::Monotonic now);
    /// Counts one out that has joined.
    void part(const std::optional<Address>& address);
    /// One request by HTTP of such a client, as if it came on a new connection. False: too many.
    bool takeRequest(const std::optional<Address>& address, common::Monotonic now);

    /// Forgets the addresses of which nothing has to be known any more. About once a second.
    void tick(common::Monotonic now);

    std::size_t connections() const { return connections_; }
    /// Of how many addresses something is kept.
    std::size_t sites() const { return sites_.size(); }

  private:
    struct Site {
        std::size_t connections = 0;
        common::TokenBucket fresh;
    };

    /// Null where none of its limits hold.
    Site* siteAt(const std::optional<Address>& address);
    std::optional<Refused> admitToSite(Site& site, common::Monotonic now);
    common::TokenBucket::Rate rate() const;

    Limits limits_;
    std::size_t connections_ = 0;
    std::map<Address, Site> sites_;
};

}  // namespace rollo::server
