// SPDX-License-Identifier: Apache-2.0
#include <array>

#include <fmt/format.h>

#include "proto/codec.hpp"
#include "proto/fields.hpp"

namespace rollo::proto {
namespace {

using namespace fields;

constexpr std::size_t maxIds = 10000;
constexpr std::size_t maxEvents = 64;
constexpr std::size_t maxWord = 64;
constexpr std::int64_t maxCells = 65535;  // of a terminal's window, in one direction

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
    const Json& epoch = requiredMember(*value, "data.resume", "epoch");
    const Json& seq = requiredMember(*value, "data.resume", "seq");
    return ResumePoint{requireString(epoch, "data.resume.epoch", maxWord),
                       static_cast<Seq>(requireInteger(seq, "data.resume.seq", 0))};
}

std::int64_t requiredInteger(const Json& data, std::string_view name, std::int64_t least,
                             std::int64_t most = largestInteger) {
    return requireInteger(requiredMember(data, "data", name), below("data", name), least, most);
}

bool flag(const Json& data, std::string_view name, bool otherwise) {
    const Json* value = member(data, name);
    return value ? requireBoolean(*value, fmt::format("data.{}", name)) : otherwise;
}

ClientMessage readSubscribe(const Json& data) {
    onlyMembers(data, "data",
                {"events", "vm_ids", "server_ids", "id", "snapshot", "resume", "history"});
    return Subscribe{readFilter(data), readRuleId(data), flag(data, "snapshot", true),
                     readResume(data), flag(data, "history", false)};
}

ClientMessage readUnsubscribe(const Json& data) {
    onlyMembers(data, "data", {"events", "vm_ids", "server_ids", "id"});
    return Unsubscribe{readFilter(data), readRuleId(data)};
}

ClientMessage readAuth(const Json& data) {
    onlyMembers(data, "data", {"token"});
    return Authenticate{requireString(requiredMember(data, "data", "token"), "data.token", 8192)};
}

ClientMessage readPing(const Json&) {
    return Ping{};
}

/// The one message whose data is no object. How long it may be the message's own limit says.
ClientMessage readConsoleInput(const Json& data) {
    return ConsoleInput{*data.string()};
}

ClientMessage readConsoleResize(const Json& data) {
    onlyMembers(data, "data", {"rows", "cols"});
    return ConsoleResize{requiredInteger(data, "rows", 1, maxCells),
                         requiredInteger(data, "cols", 1, maxCells)};
}

ClientMessage readConsoleAcquire(const Json& data) {
    onlyMembers(data, "data", {"force"});
    return ConsoleAcquire{flag(data, "force", false)};
}

ClientMessage readConsoleAck(const Json& data) {
    onlyMembers(data, "data", {"offset"});
    return ConsoleAck{static_cast<std::uint64_t>(requiredInteger(data, "offset", 0))};
}

template <class Message>
ClientMessage readNothing(const Json& data) {
    onlyMembers(data, "data", {});
    return Message{};
}

/// What `data` has to be; `ignored` because the original's ping has none, and some of its clients
/// send an empty one of any kind.
enum class Data { ignored, text, object, objectOrNothing };

struct MessageType {
    std::string_view name;
    Data data;
    ClientMessage (*read)(const Json& data);
};

/// In the order of ClientMessage.
constexpr std::array<MessageType, std::variant_size_v<ClientMessage>> messageTypes = {{
    {"subscribe", Data::objectOrNothing, readSubscribe},
    {"unsubscribe", Data::objectOrNothing, readUnsubscribe},
    {"ping", Data::ignored, readPing},
    {"auth", Data::object, readAuth},
    {"console_input", Data::text, readConsoleInput},
    {"console_resize", Data::object, readConsoleResize},
    {"console_acquire", Data::objectOrNothing, readConsoleAcquire},
    {"console_release", Data::objectOrNothing, readNothing<ConsoleRelease>},
    {"console_ack", Data::object, readConsoleAck},
    {"console_break", Data::objectOrNothing, readNothing<ConsoleBreak>},
}};

Error invalid(std::string_view requestType, std::string field, std::string message) {
    return {ErrorCode::invalidMessage, std::move(message), requestType, std::move(field)};
}

const Json& dataOf(const Json& message, Data wanted) {
    static const Json empty{Json::Object{}};
    const Json* data = member(message, "data");
    if (wanted == Data::ignored || (!data && wanted == Data::objectOrNothing)) return empty;
    if (!data) wrong("data", "is missing");
    if (wanted == Data::text && !data->string()) wrong("data", "must be a string");
    if (wanted != Data::text && !data->object()) wrong("data", "must be an object");
    return *data;
}

std::expected<ClientMessage, Error> readAs(const MessageType& type, const Json& message) {
    try {
        const Json& data = dataOf(message, type.data);
        onlyMembers(message, {}, {"type", "data", "timestamp"});
        if (const Json* timestamp = member(message, "timestamp"))
            if (const std::string* text = timestamp->string(); !text || !text->empty())
                requireString(*timestamp, "timestamp", maxWord);
        return type.read(data);
    } catch (Wrong& error) {
        return std::unexpected(invalid(type.name, std::move(error.field), std::move(error.what)));
    }
}

}  // namespace

std::string_view wireName(const ClientMessage& message) {
    return messageTypes[message.index()].name;
}

std::expected<ClientMessage, Error> decode(std::string_view text) {
    auto json = common::readJson(text, {.bytes = text.size()});
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
    return std::unexpected(
        Error{ErrorCode::unknownType, "there is no message of this type", {}, "type"});
}

}  // namespace rollo::proto
