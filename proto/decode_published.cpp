// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "proto/fields.hpp"
#include "proto/published.hpp"

namespace rollo::proto {
namespace {

using namespace fields;

constexpr std::size_t maxName = 256;
constexpr std::size_t maxText = 4096;
constexpr std::size_t maxTimestamp = 64;

bool isControl(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// An id, or a word that programs compare: one line, and not empty.
std::string readName(const Json& value, const std::string& path) {
    const std::string& name = requireString(value, path, maxName);
    if (std::ranges::any_of(name, isControl)) wrong(path, "must have no control characters");
    return name;
}

/// For people, who may read it in a terminal: of control characters it has tabs and line breaks
/// alone.
std::string readText(const Json& value, const std::string& path) {
    if (const std::string* text = value.string(); text && text->empty()) return {};
    const std::string& text = requireString(value, path, maxText);
    const auto harmful = [](char c) { return isControl(c) && c != '\n' && c != '\t'; };
    if (std::ranges::any_of(text, harmful))
        wrong(path, "must have no control characters but line breaks and tabs");
    return text;
}

/// `last` is the last of the words.
template <class Enum>
Enum readWord(const Json& value, const std::string& path, Enum last) {
    const std::string* text = value.string();
    std::string known;
    for (int i = 0; i <= static_cast<int>(last); ++i) {
        const auto each = static_cast<Enum>(i);
        if (text && *text == word(each)) return each;
        known += fmt::format("{}{}", i == 0 ? "" : ", ", word(each));
    }
    wrong(path, "must be one of " + known);
}

std::int64_t readCount(const Json& value, const std::string& path) {
    return requireInteger(value, path, 0);
}
std::uint64_t readBytes(const Json& value, const std::string& path) {
    return static_cast<std::uint64_t>(requireInteger(value, path, 0));
}
double readRate(const Json& value, const std::string& path) {
    return requireNumber(value, path, 0);
}
double readNumber(const Json& value, const std::string& path) {
    return requireNumber(value, path);
}
std::int64_t readPositive(const Json& value, const std::string& path) {
    return requireInteger(value, path, 1);
}
Uuid readUuid(const Json& value, const std::string& path) {
    const std::string* text = value.string();
    const auto uuid = text ? Uuid::parse(*text) : std::nullopt;
    if (!uuid) wrong(path, "must be a UUID");
    return *uuid;
}
common::WallClock readTime(const Json& value, const std::string& path) {
    const std::string* text = value.string();
    const auto time = text ? common::parseTimestamp(*text) : std::nullopt;
    if (!time) wrong(path, "must be a time like 2026-01-31T23:59:59.000Z");
    return *time;
}
/// The publisher's own clock, which is not read: events bear the agent's.
void checkTimestamp(const Json& object, std::string_view path) {
    const Json* value = member(object, "timestamp");
    if (!value) return;
    const std::string* text = value->string();
    if (!text || text->size() > maxTimestamp)
        wrong(below(path, "timestamp"),
              fmt::format("must be a string of at most {} bytes", maxTimestamp));
}

/// The members of one `data`, each read as what it has to be.
class Data {
  public:
    Data(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

    std::string place(std::string_view name) const { return below(path_, name); }

    template <class Read>
    auto required(std::string_view name, Read read) const {
        return read(requiredMember(object_, path_, name), place(name));
    }
    template <class Read>
    auto optional(std::string_view name, Read read) const {
        using Value = decltype(read(object_, std::string()));
        const Json* value = member(object_, name);
        return value ? std::optional<Value>(read(*value, place(name))) : std::nullopt;
    }
    /// It has to be said, if only that there is none.
    template <class Read>
    auto stated(std::string_view name, Read read) const {
        if (!object_.find(name)) wrong(place(name), "is missing");
        return optional(name, read);
    }
    void only(std::initializer_list<std::string_view> known) const {
        onlyMembers(object_, path_, known);
        checkTimestamp(object_, path_);
    }

  private:
    const Json& object_;
    std::string path_;
};

PublishedProgress readProgress(const Data& data) {
    data.only({"operation_id", "operation_type", "progress_percent", "status", "message", "vm_id",
               "vm_uuid", "phase", "bytes_total", "bytes_processed", "bytes_remaining",
               "rate_bytes_per_second", "elapsed_ms", "eta_ms", "error", "timestamp"});
    PublishedProgress published;
    Progress& progress = published.progress;
    progress.operationId = data.required("operation_id", readName);
    progress.operationType = data.required("operation_type", readName);
    progress.percent =
        data.required("progress_percent", [](const Json& value, const std::string& path) {
            return requireNumber(value, path, 0, 100);
        });
    progress.status = data.required("status", [](const Json& value, const std::string& path) {
        return readWord(value, path, ProgressStatus::cancelled);
    });
    progress.message = data.required("message", readText);
    progress.phase = data.optional("phase", readName);
    progress.bytesTotal = data.optional("bytes_total", readBytes);
    progress.bytesProcessed = data.optional("bytes_processed", readBytes);
    progress.bytesRemaining = data.optional("bytes_remaining", readBytes);
    progress.bytesPerSecond = data.optional("rate_bytes_per_second", readRate);
    progress.elapsedMs = data.optional("elapsed_ms", readCount);
    progress.etaMs = data.optional("eta_ms", readCount);
    progress.error = data.optional("error", readText);
    published.vm = {data.optional("vm_id", readPositive), data.optional("vm_uuid", readUuid)};
    return published;
}

bool readState(const Json& value, const std::string& path) {
    const std::string* text = value.string();
    if (!text || (*text != "firing" && *text != "resolved"))
        wrong(path, "must be firing or resolved");
    return *text == "firing";
}

PublishedAlert readAlert(const Data& data) {
    data.only({"alert_id", "alert_type", "severity", "title", "message", "entity_type", "entity_id",
               "vm_uuid", "state", "first_seen", "last_seen", "count", "value", "threshold",
               "timestamp"});
    PublishedAlert published;
    Alert& alert = published.alert;
    alert.id = data.required("alert_id", readName);
    alert.type = data.required("alert_type", readName);
    alert.severity = data.required("severity", [](const Json& value, const std::string& path) {
        return readWord(value, path, Severity::critical);
    });
    alert.title = data.required("title", readText);
    alert.message = data.required("message", readText);
    published.entityType = data.required("entity_type", readName);
    published.entityId = data.stated("entity_id", readCount);
    published.vmUuid = data.optional("vm_uuid", readUuid);
    if (published.vmUuid && published.entityType != "vm")
        wrong(data.place("vm_uuid"), "goes with the entity_type vm alone");
    if (published.entityType == "vm" && !published.entityId && !published.vmUuid)
        wrong(data.place("entity_id"), "must be the id of a VM, if vm_uuid does not say which");
    alert.firing = data.optional("state", readState).value_or(true);
    published.firstSeen = data.optional("first_seen", readTime);
    published.lastSeen = data.optional("last_seen", readTime);
    if (published.firstSeen && published.lastSeen && *published.lastSeen < *published.firstSeen)
        wrong(data.place("last_seen"), "must not be before first_seen");
    published.count = data.optional("count", readPositive);
    alert.value = data.optional("value", readNumber);
    alert.threshold = data.optional("threshold", readNumber);
    return published;
}

Error invalid(ErrorCode code, std::string field, std::string what) {
    return {code, std::move(what), {}, std::move(field)};
}

Published readEvent(const Json& event, const std::string& path) {
    if (!event.object()) wrong(path, "must be an object");
    const std::string* type = requiredMember(event, path, "type").string();
    const bool progress = type && *type == "progress";
    if (!progress && !(type && *type == "alert"))
        wrong(below(path, "type"), "must be progress or alert");
    onlyMembers(event, path, {"type", "data", "timestamp"});
    checkTimestamp(event, path);
    const std::string place = below(path, "data");
    const Json& json = requiredMember(event, path, "data");
    if (!json.object()) wrong(place, "must be an object");
    const Data data(json, place);
    if (progress) return {place, readProgress(data)};
    return {place, readAlert(data)};
}

std::vector<Published> readEvents(const Json& body) {
    if (!body.array()) return {readEvent(body, {})};
    const auto& items = requireArray(body, {}, mostPublished);
    if (items.empty()) wrong({}, "must have at least one item");
    std::vector<Published> events;
    events.reserve(items.size());
    for (std::size_t i = 0; i < items.size(); ++i)
        events.push_back(readEvent(items[i], fmt::format("[{}]", i)));
    return events;
}

}  // namespace

std::expected<std::vector<Published>, Error> decodePublished(std::string_view text) {
    const auto json = common::readJson(text, {.bytes = text.size()});
    if (!json)
        return std::unexpected(
            invalid(ErrorCode::invalidJson, {},
                    fmt::format("{} at byte {}", json.error().what, json.error().offset)));
    try {
        return readEvents(*json);
    } catch (Wrong& error) {
        return std::unexpected(
            invalid(ErrorCode::invalidMessage, std::move(error.field), std::move(error.what)));
    }
}

}  // namespace rollo::proto
