// SPDX-License-Identifier: Apache-2.0
#include "agent/store/operation_record.hpp"

#include <algorithm>
#include <limits>

#include "agent/store/json_members.hpp"

namespace rollo::store {
namespace {

using common::Json;
using core::SavedOperation;

constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
/// In the year 2286: system_clock counts nanoseconds, and more of them than fit would overflow.
constexpr std::int64_t latestStart = 9'999'999'999;
/// Of an operation that is under way.
constexpr double mostPercent = 99;

std::optional<std::string> text(const std::optional<proto::Uuid>& uuid) {
    if (!uuid) return std::nullopt;
    return uuid->toString();
}

}  // namespace

void write(common::JsonWriter& json, const SavedOperation& operation) {
    json.beginObject();
    json.member("operation_id", operation.id);
    json.member("operation_type", operation.type);
    json.member("progress_percent", operation.percent);
    json.member("message", operation.message);
    json.member("vm_uuid", text(operation.vm));
    json.member("disk", operation.disk);
    json.member("started_at", operation.startedAt);
    json.key("bytes_processed");
    if (operation.processed)
        json.value(std::min(*operation.processed, largest));
    else
        json.null();
    json.endObject();
}

std::optional<SavedOperation> operationOf(const Json& record) {
    const auto* id = textOf(record, "operation_id");
    const auto* type = textOf(record, "operation_type");
    const auto percent = numberOf(record, "progress_percent");
    const auto* message = textOf(record, "message");
    const auto vm = uuidOf(record, "vm_uuid");
    const auto* disk = textOf(record, "disk");
    const auto* startedAt = integerOf(record, "started_at");
    const auto* processed = integerOf(record, "bytes_processed");
    if (!id || !type || !percent || !message || !readable(record, "vm_uuid", vm) || !disk ||
        !startedAt || !readable(record, "bytes_processed", processed))
        return std::nullopt;
    if (id->empty() || type->empty() || !(*percent >= 0 && *percent <= mostPercent) ||
        *startedAt < 0 || *startedAt > latestStart || (processed && *processed < 0))
        return std::nullopt;
    SavedOperation operation{*id, *type, *percent, *message, vm, *disk, *startedAt, {}};
    if (processed) operation.processed = static_cast<std::uint64_t>(*processed);
    return operation;
}

}  // namespace rollo::store
