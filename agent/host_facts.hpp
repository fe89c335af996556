// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "proto/ids.hpp"

/// What this machine says of itself, without asking libvirt or the network.
namespace rollo::agent {

/// gethostname(2).
std::string hostname();
/// The first address of an interface that is up and not loopback, IPv4 before IPv6
/// (getifaddrs(3)); nothing where there is none.
std::optional<std::string> primaryAddress();
/// /proc/sys/kernel/random/boot_id: another after every boot of the host.
std::string hostBootId();

/// A UUID that stays this machine's own (machine-id(5), hashed for this program); nothing where the
/// machine has none.
std::optional<proto::Uuid> machineUuid();

}  // namespace rollo::agent
