// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include "agent/virt/look.hpp"

namespace rollo::virt {

/// Asks libvirt, but not the guest's monitor. What cannot be seen stays as it is in a new Look.
Look lookAt(virDomainPtr domain);

}  // namespace rollo::virt
