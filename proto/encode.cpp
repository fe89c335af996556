// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <unordered_set>

#include "proto/codec.hpp"

#include "common/json_writer.hpp"
#include "proto/json_objects.hpp"

namespace rollo::proto {
namespace {

using common::JsonWriter;
using common::Now;

/// The encoders run on one thread and one after the other, so one buffer serves them all.
JsonWriter& sharedWriter() {
    static JsonWriter writer;
    writer.clear();
    return writer;
}

void members(JsonWriter& json, const VmStatusChanged& event, const Now&) {
    json.member("vm_id", event.vm.id);
    json.member("vm_name", event.vm.name);
    json.member("vm_uuid", event.vm.uuid.toString());
    json.member("server_id", event.serverId);
    json.member("old_status", word(event.oldStatus));
    json.member("new_status", word(event.newStatus));
    json.member("reason", event.reason);
    json.member("boot_id", event.bootId);
}

void members(JsonWriter& json, const VmCreated& event, const Now& now) {
    json.key("vm");
    write(json, event.vm, nullptr, false, now);
}

void members(JsonWriter& json, const VmUpdated& event, const Now& now) {
    json.key("vm");
    write(json, event.vm, nullptr, false, now);
    json.member("changed", event.changed);
}

void members(JsonWriter& json, const VmDeleted& event, const Now&) {
    json.member("vm_id", event.vm.id);
    json.member("vm_name", event.vm.name);
    json.member("vm_uuid", event.vm.uuid.toString());
    if (event.reason) json.member("reason", *event.reason);
}

void members(JsonWriter& json, const VmMetricsUpdate& event, const Now& now) {
    json.member("vm_id", event.vm.id);
    json.member("vm_name", event.vm.name);
    json.member("vm_uuid", event.vm.uuid.toString());
    json.key("metrics");
    write(json, event.metrics, now);
}

void members(JsonWriter& json, const ServerStatusChanged& event, const Now&) {
    json.member("server_id", event.serverId);
    json.member("hostname", event.hostname);
    json.member("old_status", word(event.oldStatus));
    json.member("new_status", word(event.newStatus));
    json.member("reason", event.reason);
}

void members(JsonWriter& json, const ServerRegistered& event, const Now&) {
    json.key("server");
    write(json, event.server);
}

void members(JsonWriter& json, const ServerRemoved& event, const Now&) {
    json.member("server_id", event.serverId);
    json.member("hostname", event.hostname);
}

void members(JsonWriter& json, const ServerMetricsUpdate& event, const Now& now) {
    json.member("server_id", event.serverId);
    json.member("hostname", event.hostname);
    json.key("metrics");
    write(json, event.metrics, now);
}

void members(JsonWriter& json, const Alert& event, const Now&) {
    writeMembers(json, event);
}

void members(JsonWriter& json, const Progress& event, const Now&) {
    writeMembers(json, event);
}

void write(JsonWriter& json, const Filter& filter) {
    json.member("events", filter.events);
    json.member("vm_ids", filter.vmIds);
    json.member("server_ids", filter.serverIds);
}

template <class T>
void unite(std::optional<std::vector<T>>& all, const std::optional<std::vector<T>>& more) {
    if (!all || !more) {
        all.reset();
        return;
    }
    std::unordered_set<T> known(all->begin(), all->end());
    for (const auto& each : *more)
        if (known.insert(each).second) all->push_back(each);
}

/// What the original's client reads: one flat list of each, null where a rule takes all.
Filter flatUnion(const std::vector<RuleInForce>& rules) {
    Filter flat{std::vector<std::string>{}, std::vector<VmId>{}, std::vector<ServerId>{}};
    for (const auto& rule : rules) {
        if (!rule.include) continue;
        unite(flat.events, rule.filter.events);
        if (rule.filter.vmIds || !rule.filter.serverIds) unite(flat.vmIds, rule.filter.vmIds);
        if (rule.filter.serverIds || !rule.filter.vmIds)
            unite(flat.serverIds, rule.filter.serverIds);
    }
    return flat;
}

void writeRules(JsonWriter& json, const std::vector<RuleInForce>& rules) {
    json.key("rules");
    json.beginArray();
    for (const auto& rule : rules) {
        json.beginObject();
        if (rule.id) json.member("id", *rule.id);
        json.member("include", rule.include);
        write(json, rule.filter);
        json.endObject();
    }
    json.endArray();
}

void writePending(JsonWriter& json, std::string_view name, const std::vector<std::int64_t>& ids) {
    for (const auto id : ids) {
        json.beginObject();
        json.member(name, id);
        json.endObject();
    }
}

void members(JsonWriter& json, const SubscriptionConfirmed& message, const Now&) {
    if (message.id) json.member("id", *message.id);
    write(json, flatUnion(message.rules));
    writeRules(json, message.rules);
    json.member("refused", message.refused);
    json.key("pending");
    json.beginArray();
    writePending(json, "vm_id", message.pendingVms);
    writePending(json, "server_id", message.pendingServers);
    json.endArray();
}

void members(JsonWriter& json, const ConnectionStatus& message, const Now&) {
    json.member("status", "connected");
    json.member("connection_id", message.connectionId);
    json.member("protocol", 1);
    json.member("epoch", message.epoch);
    json.member("seq", message.seq);
    json.member("server_id", message.serverId);
    json.key("server_uuid");
    if (message.serverUuid)
        json.value(message.serverUuid->toString());
    else
        json.null();
    json.member("hostname", message.hostname);
    json.member("agent_version", message.agentVersion);
    json.member("user", message.user);
    json.key("role");
    if (message.role.empty())
        json.null();
    else
        json.value(message.role);
    json.member("permissions", message.permissions);
    json.member("heartbeat_seconds", message.heartbeatSeconds);
    json.key("limits");
    json.beginObject();
    json.member("max_message_bytes", message.limits.maxMessageBytes);
    json.member("max_rules", message.limits.maxRules);
    json.member("max_ids", message.limits.maxIds);
    json.member("messages_per_second", message.limits.messagesPerSecond);
    json.member("bytes_per_second", message.limits.bytesPerSecond);
    json.member("errors_per_minute", message.limits.errorsPerMinute);
    json.endObject();
}

void members(JsonWriter& json, const Resumed& message, const Now&) {
    json.member("epoch", message.epoch);
    json.member("from_seq", message.fromSeq);
    json.member("to_seq", message.toSeq);
    json.member("count", static_cast<std::uint64_t>(message.count));
}

void members(JsonWriter& json, const Pong& message, const Now&) {
    json.member("seq", message.seq);
}

void members(JsonWriter& json, const Error& message, const Now&) {
    json.member("code", word(message.code));
    json.member("message", message.message);
    if (!message.requestType.empty()) json.member("request_type", message.requestType);
    if (!message.field.empty()) json.member("field", message.field);
}

void members(JsonWriter& json, const TokenExpiring& message, const Now&) {
    json.member("expires_at", common::formatTimestamp(message.expiresAt));
}

void members(JsonWriter& json, const Lag& message, const Now&) {
    json.member("dropped_metrics", message.droppedMetrics);
    json.member("conflated", message.conflated);
    json.member("queue_bytes", message.queueBytes);
}

void members(JsonWriter& json, const Goodbye& message, const Now&) {
    json.member("reason", message.reason);
    json.member("retry_after_ms", message.retryAfterMs);
}

void members(JsonWriter& json, const ConsoleStatus& message, const Now&) {
    json.member("vm_id", message.vmId);
    json.member("status", word(message.state));
    json.member("message", message.message);
    json.member("writer", message.writer);
    json.member("writer_user", message.writerUser);
    json.member("viewers", static_cast<std::uint64_t>(message.viewers));
    json.member("boot_id", message.bootId);
    json.key("device");
    if (message.device.empty())
        json.null();
    else
        json.value(message.device);
    if (message.inputDropped > 0) json.member("input_dropped", message.inputDropped);
}

void members(JsonWriter& json, const ConsoleAttached& message, const Now&) {
    json.member("boot_id", message.bootId);
    json.member("start_offset", message.startOffset);
    json.member("replay_from", message.replayFrom);
    json.member("next_offset", message.nextOffset);
    json.member("writer", message.writer);
    json.member("viewers", static_cast<std::uint64_t>(message.viewers));
}

void members(JsonWriter& json, const ConsoleGap& message, const Now&) {
    json.member("from", message.from);
    json.member("to", message.to);
    if (message.approximate) json.member("approximate", true);
}

void members(JsonWriter& json, const ConsoleMarker& message, const Now&) {
    json.member("kind", message.kind);
    json.member("offset", message.offset);
    json.member("boot_id", message.bootId);
}

void members(JsonWriter& json, const ConsoleText& message, const Now&) {
    json.member("vm_id", message.vmId);
    json.member("output", message.text);
}

template <class Message>
Frame envelope(std::string_view type, const Message& message, Seq seq, const Now& now) {
    const std::string timestamp = common::formatTimestamp(now.wall);
    JsonWriter& json = sharedWriter();
    json.beginObject();
    json.member("type", type);
    json.key("data");
    json.beginObject();
    members(json, message, now);
    json.member("timestamp", timestamp);
    json.endObject();
    json.member("timestamp", timestamp);
    if (seq != 0) json.member("seq", seq);
    json.endObject();
    return Frame::text(json.text());
}

std::string_view wireName(const AgentMessage& message) {
    static constexpr std::array<std::string_view, std::variant_size_v<AgentMessage>> names = {
        "connection_status",
        "subscription_confirmed",
        "resumed",
        "pong",
        "error",
        "token_expiring",
        "lag",
        "goodbye",
        "console_status",
        "console_attached",
        "console_gap",
        "console_marker",
        "console_output"};
    return names[message.index()];
}

}  // namespace

Frame encode(const Event& event, Seq seq, const Now& now) {
    return std::visit(
        [&](const auto& each) { return envelope(wireName(kindOf(event)), each, seq, now); }, event);
}

Frame encode(const AgentMessage& message, const Now& now) {
    return std::visit([&](const auto& each) { return envelope(wireName(message), each, 0, now); },
                      message);
}

}  // namespace rollo::proto
