// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "proto/websocket_stats.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/wire.hpp"

using namespace rollo::proto;
using namespace rollo::tests;

TEST_CASE("figures of which nothing is known yet follow the schema") {
    const Message message(encode(WebsocketStats{}, at()));
    CHECK(message.type() == "websocket_stats");
    CHECK(message.isNull("data.libvirt.last_sample_ms"));
    CHECK(message.integer("data.active_connections") == 0);
    CHECK(message.text("timestamp") == "2026-01-01T00:00:00.000Z");
    CHECK(message.text("data.timestamp") == "2026-01-01T00:00:00.000Z");
    CHECK_FALSE(message.has("seq"));
}

TEST_CASE("each of the agent's figures has its place") {
    WebsocketStats stats;
    stats.activeConnections = 1;
    stats.rooms = {{"monitor", 2}, {"vm:7", 3}};
    stats.connectionsByEndpoint = {{"/ws/vm/{vm}", 4}};
    stats.sent = {5, 6};
    stats.received = {7, 8};
    stats.messagesPerSecond = 0.5;
    stats.bytesPerSecond = 1.5;
    stats.conflated = 9;
    stats.slowDisconnects = 10;
    stats.shed = 37;
    stats.authFailures = 11;
    stats.rateLimited = 12;
    stats.errorsByCode = {{"invalid_json", 13}};
    stats.refusedByReason = {{"token", 14}};
    stats.closedByCode = {{"4001", 15}};
    stats.queueBytes = 16;
    stats.libvirt = {true, 17, 18, 19.5, 20, 21};
    stats.process = {22.5, 23, 24, 25.5};
    stats.consoles = {26, 27, 28, 29, 30, 31, 32};
    stats.events = {33, 34};
    stats.loop = {35.5, 36};
    const Message m(encode(stats, at()));
    const std::pair<const char*, double> expected[] = {
        {"active_connections", 1},
        {"room_stats.monitor", 2},
        {"room_stats.vm:7", 3},
        {"connections_by_endpoint./ws/vm/{vm}", 4},
        {"messages_sent", 5},
        {"bytes_sent", 6},
        {"messages_received", 7},
        {"bytes_received", 8},
        {"messages_per_second", 0.5},
        {"bytes_per_second", 1.5},
        {"conflated", 9},
        {"slow_disconnects", 10},
        {"shed_clients", 37},
        {"auth_failures", 11},
        {"rate_limited", 12},
        {"errors_by_code.invalid_json", 13},
        {"refused_by_reason.token", 14},
        {"closed_by_code.4001", 15},
        {"queue_bytes", 16},
        {"libvirt.reconnects", 17},
        {"libvirt.events", 18},
        {"libvirt.last_sample_ms", 19.5},
        {"libvirt.stale_vms", 20},
        {"libvirt.stuck_calls", 21},
        {"process.cpu_seconds", 22.5},
        {"process.resident_bytes", 23},
        {"process.open_fds", 24},
        {"process.uptime_seconds", 25.5},
        {"consoles.attached", 26},
        {"consoles.viewers", 27},
        {"consoles.kept_bytes", 28},
        {"consoles.output_bytes", 29},
        {"consoles.dropped_bytes", 30},
        {"consoles.input_bytes", 31},
        {"consoles.input_dropped_bytes", 32},
        {"events.ordered", 33},
        {"events.delivered", 34},
        {"loop.longest_turn_ms", 35.5},
        {"loop.stalls", 36},
    };
    for (const auto& [path, value] : expected) {
        CAPTURE(path);
        CHECK(m.number(std::string("data.") + path) == value);
    }
    CHECK(m.flag("data.libvirt.connected"));
}
