// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "agent/core/job_observation.hpp"

/// What jobs of libvirt are called: on the wire, and for people.
namespace rollo::core {

/// The `operation_type` of the protocol: `save`, `migration`, `block_copy`, …
std::string_view operationType(JobKind kind);
/// The way back; `unknown` for every other word.
JobKind jobKind(std::string_view operationType);

/// What is being done: `Saving web`, `Copying disk vda of web`.
std::string describe(JobKind kind, std::string_view vmName, std::string_view disk);

}  // namespace rollo::core
