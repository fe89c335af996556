// SPDX-License-Identifier: Apache-2.0
#include "agent/store/alert_record.hpp"

#include <chrono>
#include <utility>

#include "agent/core/alert_rule.hpp"
#include "agent/store/json_members.hpp"

namespace rollo::store {
namespace {

using common::Json;
using proto::Alert;
using std::chrono::milliseconds;

/// In the year 2286: system_clock counts nanoseconds, and more of them than fit would overflow.
constexpr std::int64_t latest = 9'999'999'999'999;

void writeTime(common::JsonWriter& json, std::string_view name, common::WallClock time) {
    const auto sinceEpoch = std::chrono::floor<milliseconds>(time.time_since_epoch());
    json.member(name, static_cast<std::int64_t>(sinceEpoch.count()));
}

std::optional<common::WallClock> timeOf(const Json& record, std::string_view name) {
    const auto* ms = integerOf(record, name);
    if (!ms || *ms < 0 || *ms > latest) return std::nullopt;
    return common::WallClock(milliseconds(*ms));
}

void writeVm(common::JsonWriter& json, const proto::VmIdentity& vm) {
    json.member("vm_uuid", vm.uuid.toString());
    json.member("vm_id", vm.id);
    json.member("vm_name", vm.name);
    json.member("from_platform", vm.idFromPlatform);
}

/// False where it says what cannot be; true and no VM where it is about none.
bool readVm(const Json& record, Alert& alert) {
    if (!record.find("vm_uuid")) return true;
    const auto uuid = uuidOf(record, "vm_uuid");
    const auto* id = integerOf(record, "vm_id");
    const auto* name = textOf(record, "vm_name");
    const Json* platform = record.find("from_platform");
    if (!uuid || !id || *id <= 0 || !name || !platform || !platform->boolean()) return false;
    alert.vm = proto::VmIdentity{*id, *uuid, *name, *platform->boolean()};
    return true;
}

bool readOther(const Json& record, Alert& alert) {
    if (!record.find("entity_type")) return true;
    const auto* type = textOf(record, "entity_type");
    const auto* id = integerOf(record, "entity_id");
    const Json* member = record.find("entity_id");
    if (!type || !member || (!id && !member->isNull())) return false;
    alert.other = proto::OtherEntity{*type, {}};
    if (id) alert.other->id = *id;
    return true;
}

/// A member that may be null, and is not otherwise of another type.
}  // namespace

void write(common::JsonWriter& json, const Alert& alert) {
    json.beginObject();
    json.member("alert_id", alert.id);
    json.member("alert_type", alert.type);
    json.member("severity", proto::word(alert.severity));
    json.member("title", alert.title);
    json.member("message", alert.message);
    if (alert.vm) writeVm(json, *alert.vm);
    if (alert.other) {
        json.member("entity_type", alert.other->type);
        json.member("entity_id", alert.other->id);
    }
    writeTime(json, "first_seen_ms", alert.firstSeen);
    writeTime(json, "last_seen_ms", alert.lastSeen);
    json.member("count", alert.count);
    json.member("value", alert.value);
    json.member("threshold", alert.threshold);
    json.endObject();
}

std::optional<Alert> alertOf(const Json& record) {
    const auto* id = textOf(record, "alert_id");
    const auto* type = textOf(record, "alert_type");
    const auto* severityWord = textOf(record, "severity");
    const auto severity = severityWord ? core::severity(*severityWord) : std::nullopt;
    const auto* title = textOf(record, "title");
    const auto* message = textOf(record, "message");
    const auto firstSeen = timeOf(record, "first_seen_ms");
    const auto lastSeen = timeOf(record, "last_seen_ms");
    const auto* count = integerOf(record, "count");
    if (!id || id->empty() || !type || type->empty() || !severity || !title || !message ||
        !firstSeen || !lastSeen || !count || *count < 1)
        return std::nullopt;
    Alert alert;
    alert.id = *id;
    alert.type = *type;
    alert.severity = *severity;
    alert.title = *title;
    alert.message = *message;
    alert.firstSeen = *firstSeen;
    alert.lastSeen = *lastSeen;
    alert.count = *count;
    alert.value = numberOf(record, "value");
    alert.threshold = numberOf(record, "threshold");
    const bool whole = readable(record, "value", alert.value) &&
                       readable(record, "threshold", alert.threshold) && readVm(record, alert) &&
                       readOther(record, alert);
    return whole ? std::optional(std::move(alert)) : std::nullopt;
}

}  // namespace rollo::store
