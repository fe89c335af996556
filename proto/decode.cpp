// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/json_reader.hpp"
#include "proto/codec.hpp"

namespace rollo::proto {
namespace {

using common::Json;

constexpr std::size_t maxIds = 10000;
constexpr std::size_t maxEvents = 64;
constexpr std::size_t maxWord = 64;
constexpr std::int64_t maxInteger = (std::int64_t{1} << 53) - 1;  // what every client can hold

/// Thrown inside this file alone, so that a deep reader can say what is wrong where it sees it.
struct Wrong {
    std::string field;
    std::string what;
};

[[noreturn]] void wrong(std::string field, std::string what) {
    throw Wrong{std::move(field), std::move(what)};
}

/// The member, where null means the same as absent: serialisers of clients write either.
const Json* member(const Json& object, std::string_view name) {
    const Json* found = object.find(name);
    return found && !found->isNull() ? found : nullptr;
}

void onlyMembers(const Json& object, std::string_view path,
                 std::initializer_list<std::string_view> known) {
    for (const auto& [name, value] : *object.object())
        if (std::find(known.begin(), known.end(), name) == known.end())
            wrong(std::string(path), "has a member that is not known here");
}

const std::string& requireString(const Json& value, const std::string& path, std::size_t most) {
    const std::string* text = value.string();
    if (!text) wrong(path, "must be a string");
    if (text->empty()) wrong(path, "must not be empty");
    if (text->size() > most) wrong(path, fmt::format("must be at most {} bytes", most));
    return *text;
}

const Json::Array& requireArray(const Json& value, const std::string& path, std::size_t most) {
    const Json::Array* array = value.array();
    if (!array) wrong(path, "must be an array");
    if (array->size() > most) wrong(path, fmt::format("must have at most {} items", most));
    return *array;
}

std::int64_t requireInteger(const Json& value, const std::string& path, std::int64_t least) {
    const std::int64_t* number = value.integer();
    if (!number) wrong(path, "must be an integer");
    if (*number < least) wrong(path, fmt::format("must be at least {}", least));
    if (*number > maxInteger) wrong(path, "must be at most 2^53 - 1");
    return *number;
}

bool requireBoolean(const Json& value, const std::string& path) {
    const bool* boolean = value.boolean();
    if (!boolean) wrong(path, "must be true or false");
    return *boolean;
}

std::optional<std::vector<std::int64_t>> readIds(const Json& data, std::string_view name) {
    const Json* value = member(data, name);
    if (!value) return std::nullopt;
    const std::string path = fmt::format("data.{}", name);
    std::vector<std::int64_t> ids;
    const auto& array = requireArray(*value, path, maxIds);
    ids.reserve(array.size());
    for (std::size_t i = 0; i < array.size(); ++i)
        ids.push_back(requireInteger(array[i], fmt::format("{}[{}]", path, i), 1));
    return ids;
}

std::optional<std::vector<std::string>> readEvents(const Json& data) {
    const Json* value = member(data, "events");
    if (!value) return std::nullopt;
    std::vector<std::string> events;
    const auto& array = requireArray(*value, "data.events", maxEvents);
    events.reserve(array.size());
    for (std::size_t i = 0; i < array.size(); ++i)
        events.push_back(requireString(array[i], fmt::format("data.events[{}]", i), maxWord));
    return events;
}

Filter readFilter(const Json& data) {
    return {readEvents(data), readIds(data, "vm_ids"), readIds(data, "server_ids")};
}

std::optional<std::string> readRuleId(const Json& data) {
    const Json* value = member(data, "id");
    if (!value) return std::nullopt;
    return requireString(*value, "data.id", maxWord);
}

std::optional<ResumePoint> readResume(const Json& data) {
    const Json* value = member(data, "resume");
    if (!value) return std::nullopt;
    if (!value->object()) wrong("data.resume", "must be an object");
    onlyMembers(*value, "data.resume", {"epoch", "seq"});
    const Json* epoch = member(*value, "epoch");
    const Json* seq = member(*value, "seq");
    if (!epoch) wrong("data.resume.epoch", "is missing");
    if (!seq) wrong("data.resume.seq", "is missing");
    return ResumePoint{requireString(*epoch, "data.resume.epoch", maxWord),
                       static_cast<Seq>(requireInteger(*seq, "data.resume.seq", 0))};
}

bool flag(const Json& data, std::string_view name, bool otherwise) {
    const Json* value = member(data, name);
    return value ? requireBoolean(*value, fmt::format("data.{}", name)) : otherwise;
}

ClientMessage readSubscribe(const Json& data) {
    onlyMembers(data, "data",
                {"events", "vm_ids", "server_ids", "id", "snapshot", "resume", "history"});
    flag(data, "history", false);
    return Subscribe{readFilter(data), readRuleId(data), flag(data, "snapshot", true),
                     readResume(data)};
}

ClientMessage readUnsubscribe(const Json& data) {
    onlyMembers(data, "data", {"events", "vm_ids", "server_ids", "id"});
    return Unsubscribe{readFilter(data), readRuleId(data)};
}

ClientMessage readAuth(const Json& data) {
    onlyMembers(data, "data", {"token"});
    const Json* token = member(data, "token");
    if (!token) wrong("data.token", "is missing");
    return Authenticate{requireString(*token, "data.token", 8192)};
}

struct MessageType {
    std::string_view name;
    bool needsData;
    ClientMessage (*read)(const Json& data);
};

ClientMessage readPing(const Json&) {
    return Ping{};
}

constexpr std::array messageTypes = {
    MessageType{"subscribe", false, readSubscribe},
    MessageType{"unsubscribe", false, readUnsubscribe},
    MessageType{"ping", false, readPing},
    MessageType{"auth", true, readAuth},
};

constexpr std::array<std::string_view, 6> consoleTypes = {"console_input",   "console_resize",
                                                          "console_acquire", "console_release",
                                                          "console_ack",     "console_break"};

Error invalid(std::string_view requestType, std::string field, std::string message) {
    return {ErrorCode::invalidMessage, std::move(message), requestType, std::move(field)};
}

std::expected<ClientMessage, Error> readAs(const MessageType& type, const Json& message) {
    static const Json empty{Json::Object{}};
    const Json* data = member(message, "data");
    // The original's ping has no data, and some of its clients send an empty one of any kind.
    const bool ignored = type.read == readPing;
    if (!data && type.needsData) return std::unexpected(invalid(type.name, "data", "is missing"));
    if (data && !ignored && !data->object())
        return std::unexpected(invalid(type.name, "data", "must be an object"));
    try {
        onlyMembers(message, {}, {"type", "data", "timestamp"});
        if (const Json* timestamp = member(message, "timestamp"))
            if (const std::string* text = timestamp->string(); !text || !text->empty())
                requireString(*timestamp, "timestamp", maxWord);
        return type.read(data && !ignored ? *data : empty);
    } catch (Wrong& error) {
        return std::unexpected(invalid(type.name, std::move(error.field), std::move(error.what)));
    }
}

}  // namespace

std::string_view wireName(const ClientMessage& message) {
    if (const auto* console = std::get_if<ConsoleMessage>(&message)) return console->type;
    return messageTypes[message.index()].name;
}

std::expected<ClientMessage, Error> decode(std::string_view text) {
    auto json = common::readJson(text);
    if (!json) {
        return std::unexpected(Error{ErrorCode::invalidJson,
                                     fmt::format("not a valid message: {} at byte {}",
                                                 json.error().what, json.error().offset),
                                     {},
                                     {}});
    }
    if (!json->object()) return std::unexpected(invalid({}, {}, "a message must be a JSON object"));
    const Json* type = member(*json, "type");
    if (!type) return std::unexpected(invalid({}, "type", "is missing"));
    const std::string* name = type->string();
    if (!name) return std::unexpected(invalid({}, "type", "must be a string"));
    for (const auto& known : messageTypes)
        if (*name == known.name) return readAs(known, *json);
    for (const auto& console : consoleTypes)
        if (*name == console) return ConsoleMessage{console};
    return std::unexpected(
        Error{ErrorCode::unknownType, "there is no message of this type", {}, "type"});
}

}  // namespace rollo::proto
