// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "agent/core/observation.hpp"

namespace rollo::virt {

/// A list of virTypedParameter, read only, owned by somebody else.
using TypedParams = std::span<const virTypedParameter>;

/// The parameter as a count; nothing for negative numbers, text and fractions.
std::optional<std::uint64_t> countOf(const virTypedParameter& parameter);
/// The parameter's text; empty for numbers.
std::string_view textOf(const virTypedParameter& parameter);

const virTypedParameter* find(TypedParams parameters, std::string_view name);
std::optional<std::uint64_t> count(TypedParams parameters, std::string_view name);

}  // namespace rollo::virt
