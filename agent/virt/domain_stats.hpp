// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/core/observation.hpp"
#include "agent/virt/typed_params.hpp"

namespace rollo::virt {

/// The groups that a sample asks for (virDomainStatsTypes).
inline constexpr unsigned sampledGroups = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_CPU_TOTAL |
                                          VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_VCPU |
                                          VIR_DOMAIN_STATS_INTERFACE | VIR_DOMAIN_STATS_BLOCK;

/// One record of virConnectGetAllDomainStats as a sample; the keys are those of its documentation.
/// Keys that are not known, and devices beyond a sane number, are passed over.
/// `uuid`, `domainId` and `takenAt` are the caller's.
core::DomainSample sampleOf(TypedParams parameters);

/// Whether the monitor took part in these figures. QEMU's driver leaves out what it would have to
/// ask QEMU for when the monitor is busy (VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT); the resident
/// size comes last of that and needs no device of the guest.
bool monitorAnswered(TypedParams parameters);

}  // namespace rollo::virt
