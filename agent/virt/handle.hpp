// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <cstdlib>
#include <vector>

#include "common/unique_handle.hpp"

/// Owners of what libvirt gives out. Closing a connection may take as long as any call on it.
namespace rollo::virt {

using ConnectHandle = common::UniqueHandle<virConnect, virConnectClose>;
using DomainHandle = common::UniqueHandle<virDomain, virDomainFree>;
/// Aborted or finished before: libvirt never frees one that is still open.
using StreamHandle = common::UniqueHandle<virStream, virStreamFree>;
/// Text that libvirt allocated.
using TextHandle = common::UniqueHandle<char, std::free>;

using DomainHandles = std::vector<DomainHandle>;

}  // namespace rollo::virt
