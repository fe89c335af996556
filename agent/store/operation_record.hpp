// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "agent/core/saved_state.hpp"
#include "common/json_reader.hpp"
#include "common/json_writer.hpp"

/// The record of one operation in the state file.
namespace rollo::store {

void write(common::JsonWriter& json, const core::SavedOperation& operation);

/// Nothing where the record is of another sort, or says what cannot be.
std::optional<core::SavedOperation> operationOf(const common::Json& record);

}  // namespace rollo::store
