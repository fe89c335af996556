// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "proto/ids.hpp"

namespace rollo::core {

/// What the core asks of libvirt. Every call returns at once; the answers come as observations.
class Hypervisor {
  public:
    virtual ~Hypervisor() = default;

    /// Reads one domain again; answered by DomainDescribed, in order with the events around it.
    virtual void describe(const proto::Uuid& uuid) = 0;
    /// Reads all domains again; answered by ListingBegun and ListingDone.
    virtual void list() = 0;
};

}  // namespace rollo::core
