// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libxml/tree.h>

#include <vector>

#include "agent/core/console_observation.hpp"

namespace rollo::virt {

/// The serial lines and consoles of a domain's `<devices>` (nothing: there are none), each once,
/// the one that virDomainOpenConsole opens without a name first. A device without an alias has the
/// one that libvirt's QEMU driver will give it.
std::vector<core::ConsoleDevice> consoleDevices(const xmlNode* devices);

}  // namespace rollo::virt
