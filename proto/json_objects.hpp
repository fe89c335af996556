// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/clock.hpp"
#include "common/json_writer.hpp"
#include "proto/events.hpp"
#include "proto/messages.hpp"

/// The objects that several messages share, in their wire form. Private to the encoders.
namespace rollo::proto {

/// The text of what `writeIt` writes.
std::string written(const auto& writeIt) {
    common::JsonWriter json;
    writeIt(json);
    return std::string(json.text());
}

void write(common::JsonWriter& json, const VmInfo& vm, const VmMetrics* metrics, bool withMetrics,
           const common::Now& now);
void write(common::JsonWriter& json, const VmMetrics& metrics, const common::Now& now);
void write(common::JsonWriter& json, const ServerInfo& server);
void writeMembers(common::JsonWriter& json, const ServerInfo& server);
void write(common::JsonWriter& json, const ServerMetrics& metrics, const common::Now& now);
void writeMembers(common::JsonWriter& json, const HistoryTimes& times, const common::Now& now);
/// The member `server` of a history.
void writeServerHistory(common::JsonWriter& json, const HistorySeries& series);
/// The entry of one VM, empty where it has no rows.
std::string vmHistoryJson(const VmHistory& vm);
/// The members alone: the caller's object carries the timestamp too.
void writeMembers(common::JsonWriter& json, const Alert& alert);
void writeMembers(common::JsonWriter& json, const Progress& progress);

}  // namespace rollo::proto
