// SPDX-License-Identifier: Apache-2.0
#include "common/json_writer.hpp"
#include "proto/codec.hpp"
#include "proto/websocket_stats.hpp"

namespace rollo::proto {
namespace {

using common::JsonWriter;

void write(JsonWriter& json, std::string_view name, const WebsocketStats::Counts& counts) {
    json.key(name);
    json.beginObject();
    for (const auto& [what, count] : counts) json.member(what, count);
    json.endObject();
}

void write(JsonWriter& json, const WebsocketStats::Libvirt& libvirt) {
    json.key("libvirt");
    json.beginObject();
    json.member("connected", libvirt.connected);
    json.member("reconnects", libvirt.reconnects);
    json.member("events", libvirt.events);
    json.member("last_sample_ms", libvirt.lastSampleMs);
    json.member("stale_vms", libvirt.staleVms);
    json.member("stuck_calls", libvirt.stuckCalls);
    json.endObject();
}

void write(JsonWriter& json, const WebsocketStats::Process& process) {
    json.key("process");
    json.beginObject();
    json.member("cpu_seconds", process.cpuSeconds);
    json.member("resident_bytes", process.residentBytes);
    json.member("open_fds", process.openFds);
    json.member("uptime_seconds", process.uptimeSeconds);
    json.endObject();
}

void write(JsonWriter& json, const WebsocketStats::Consoles& consoles) {
    json.key("consoles");
    json.beginObject();
    json.member("attached", consoles.attached);
    json.member("viewers", consoles.viewers);
    json.member("kept_bytes", consoles.keptBytes);
    json.member("output_bytes", consoles.outputBytes);
    json.member("dropped_bytes", consoles.droppedBytes);
    json.member("input_bytes", consoles.inputBytes);
    json.member("input_dropped_bytes", consoles.inputDroppedBytes);
    json.endObject();
}

void write(JsonWriter& json, const WebsocketStats::Events& events) {
    json.key("events");
    json.beginObject();
    json.member("ordered", events.ordered);
    json.member("delivered", events.delivered);
    json.endObject();
}

void write(JsonWriter& json, const WebsocketStats::Loop& loop) {
    json.key("loop");
    json.beginObject();
    json.member("longest_turn_ms", loop.longestTurnMs);
    json.member("stalls", loop.stalls);
    json.endObject();
}

void writeTraffic(JsonWriter& json, const WebsocketStats& stats) {
    json.member("messages_sent", stats.sent.messages);
    json.member("messages_received", stats.received.messages);
    json.member("messages_per_second", stats.messagesPerSecond);
    json.member("bytes_sent", stats.sent.bytes);
    json.member("bytes_received", stats.received.bytes);
    json.member("bytes_per_second", stats.bytesPerSecond);
    json.member("conflated", stats.conflated);
    json.member("queue_bytes", stats.queueBytes);
}

void writeMembers(JsonWriter& json, const WebsocketStats& stats) {
    json.member("active_connections", stats.activeConnections);
    write(json, "room_stats", stats.rooms);
    write(json, "connections_by_endpoint", stats.connectionsByEndpoint);
    writeTraffic(json, stats);
    json.member("slow_disconnects", stats.slowDisconnects);
    json.member("shed_clients", stats.shed);
    json.member("auth_failures", stats.authFailures);
    json.member("rate_limited", stats.rateLimited);
    write(json, "errors_by_code", stats.errorsByCode);
    write(json, "refused_by_reason", stats.refusedByReason);
    write(json, "closed_by_code", stats.closedByCode);
    write(json, stats.libvirt);
    write(json, stats.process);
    write(json, stats.consoles);
    write(json, stats.events);
    write(json, stats.loop);
}

}  // namespace

Frame encode(const WebsocketStats& stats, const common::Now& now) {
    const std::string timestamp = common::formatTimestamp(now.wall);
    JsonWriter json;
    json.beginObject();
    json.member("type", "websocket_stats");
    json.key("data");
    json.beginObject();
    writeMembers(json, stats);
    json.member("timestamp", timestamp);
    json.endObject();
    json.member("timestamp", timestamp);
    json.endObject();
    return Frame::text(json.text());
}

}  // namespace rollo::proto
