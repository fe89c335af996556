// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "common/json_reader.hpp"
#include "common/json_writer.hpp"
#include "proto/events.hpp"

/// The record of one firing alert in the state file. The server's id is not in it: it is that of
/// the agent that reads the file.
namespace rollo::store {

void write(common::JsonWriter& json, const proto::Alert& alert);

/// Nothing where the record is of another sort, or says what cannot be.
std::optional<proto::Alert> alertOf(const common::Json& record);

}  // namespace rollo::store
