// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <optional>

#include "agent/core/observation.hpp"

namespace rollo::virt {

/// Describes one domain. None of the calls behind it waits for the guest's monitor, so that a
/// guest that hangs costs no time: virDomainGetState, virDomainGetInfo and virDomainGetXMLDesc are
/// answered from what libvirt knows.
/// Nothing if the domain is gone. Throws LibvirtError if the connection is.
/// Thread: control. Some milliseconds of calls.
std::optional<core::DomainDescription> readDomain(virDomainPtr domain);

/// Throws LibvirtError.
core::HostDescription readHost(virConnectPtr connection);

}  // namespace rollo::virt
