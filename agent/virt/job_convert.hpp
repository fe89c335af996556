// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <optional>

#include "agent/core/observation.hpp"
#include "agent/virt/typed_params.hpp"

/// Libvirt's jobs as the core has them.
namespace rollo::virt {

/// A virDomainJobOperation. Nothing: that one is no job to tell of (a start).
std::optional<core::JobKind> jobKind(int operation);
/// A virDomainBlockJobType. Nothing: no job, or the disk's share of a backup, which is a job of the
/// whole domain.
std::optional<core::JobKind> blockJobKind(int type);
/// A virConnectDomainEventBlockJobStatus. Nothing: it goes on.
std::optional<core::JobOutcome> blockJobOutcome(int status);

/// virDomainGetJobStats, or the parameters of VIR_DOMAIN_EVENT_ID_JOB_COMPLETED. Nothing: no job to
/// tell of.
std::optional<core::JobFigures> figuresOf(TypedParams parameters);
/// virDomainGetBlockJobInfo.
std::optional<core::JobFigures> figuresOf(const virDomainBlockJobInfo& info);

/// Libvirt 9.0 tells of jobs that succeeded and, of a backup alone, that one failed or was
/// cancelled. To cancel a backup that somebody fetches (mode pull) is to complete it.
core::JobOutcome outcomeOf(TypedParams completed);
/// Why, where it failed; empty where libvirt does not say.
std::string_view errorOf(TypedParams completed);

}  // namespace rollo::virt
