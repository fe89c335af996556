// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <optional>
#include <string>
#include <string_view>

#include "agent/core/observation.hpp"

/// Libvirt's numbers as the words of the protocol. A number that this version of libvirt's headers
/// does not name becomes `unknown`.
namespace rollo::virt {

/// Nothing for a type of event that is not known.
std::optional<core::Lifecycle> lifecycleOf(int event);
/// The detail of a virDomainEventType.
std::string_view lifecycleReason(int event, int detail);

proto::VmStatus statusOf(int domainState);
/// The reason of a virDomainState.
std::string_view stateReason(int domainState, int reason);

std::string_view closeReason(int reason);
std::string_view watchdogAction(int action);
std::string_view ioErrorAction(int action);
std::string_view memoryFailureRecipient(int recipient);
std::string_view memoryFailureAction(int action);
std::string_view vcpuState(int state);

/// 9000000 is "9.0.0" (virGetVersion).
std::string versionText(unsigned long version);

/// What the callback's or the list's domain object carries, without a call to the daemon.
core::DomainRef refOf(virDomainPtr domain);
proto::Uuid uuidOf(virDomainPtr domain);

}  // namespace rollo::virt
