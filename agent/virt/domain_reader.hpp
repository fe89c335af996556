// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/core/observation.hpp"

namespace rollo::virt {

struct ReadDomain {
    core::DomainDescription description;
    std::vector<std::string> faults;  ///< what is wrong with its metadata
};

/// Describes one domain. None of the calls behind it waits for the guest's monitor, so that a
/// guest that hangs costs no time: virDomainGetState, virDomainGetInfo and virDomainGetXMLDesc are
/// answered from what libvirt knows.
/// Nothing if the domain is gone. Throws LibvirtError if the connection is.
/// Thread: control. Some milliseconds of calls.
std::optional<ReadDomain> readDomain(virDomainPtr domain);

/// Throws LibvirtError.
core::HostDescription readHost(virConnectPtr connection);

}  // namespace rollo::virt
