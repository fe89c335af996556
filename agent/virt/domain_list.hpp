// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/virt/handle.hpp"

namespace rollo::virt {

/// virConnectListAllDomains with those flags. Throws LibvirtError.
DomainHandles listDomains(virConnectPtr connection, unsigned flags);

}  // namespace rollo::virt
