// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "proto/ids.hpp"

namespace rollo::core {

/// A domain as an event names it, without asking anybody.
struct DomainRef {
    proto::Uuid uuid;
    std::string name;
    /// virDomainGetID: names the QEMU process within one run of the hypervisor; -1 is inactive.
    int domainId = -1;
};

}  // namespace rollo::core
