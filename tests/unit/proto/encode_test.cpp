// SPDX-License-Identifier: Apache-2.0
/// Each message is also checked against its schema, by tests/fakes/wire.hpp.
#include <doctest/doctest.h>

#include "proto/codec.hpp"
#include "proto/codes.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/wire.hpp"

using namespace rollo::proto;
using namespace rollo::tests;
using namespace std::chrono_literals;

namespace {

constexpr auto present = "2026-01-01T00:00:00.000Z";

Message event(const Event& event, Seq seq = 1) {
    return Message(encode(event, seq, at()));
}
Message answer(const AgentMessage& message) {
    return Message(encode(message, at()));
}

ServerInfo serverInfo() {
    ServerInfo info;
    info.id = 7;
    info.hostname = "host";
    info.status = ServerStatus::online;
    info.agentVersion = "0.1.0";
    info.libvirtUri = "qemu:///system";
    return info;
}

Alert alert() {
    Alert made;
    made.id = "vm-id-conflict:1";
    made.type = "vm_id_conflict";
    made.severity = Severity::warning;
    made.title = "Two VMs claim the same id";
    made.message = "…";
    made.firstSeen = at().wall;
    made.lastSeen = at(1500ms).wall;
    return made;
}

std::vector<std::pair<std::string, Event>> orderedEvents() {
    return {{"vm_status_changed",
             VmStatusChanged{vm(1), VmStatus::stopped, VmStatus::running, "booted", "boot", 7}},
            {"vm_created", VmCreated{vmInfo(vm(1))}},
            {"vm_updated", VmUpdated{vmInfo(vm(1)), {"name", "vcpus"}, vm(1, "old")}},
            {"vm_deleted", VmDeleted{vm(1), "undefined"}},
            {"server_status_changed", ServerStatusChanged{7, "host", ServerStatus::offline,
                                                          ServerStatus::online, "connected"}},
            {"server_registered", ServerRegistered{serverInfo()}},
            {"server_removed", ServerRemoved{7, "host"}},
            {"alert", alert()}};
}

}  // namespace

TEST_CASE("every ordered event says its type, its time twice, and its number outside of data") {
    for (const auto& [type, each] : orderedEvents()) {
        const Message m = event(each, 1234);
        CAPTURE(type);
        CHECK(m.type() == type);
        CHECK(m.text("timestamp") == present);
        CHECK(m.text("data.timestamp") == present);
        CHECK(m.integer("seq") == 1234);
        CHECK_FALSE(m.has("data.seq"));
    }
}

TEST_CASE("metrics carry no number") {
    CHECK_FALSE(event(VmMetricsUpdate{vm(1), {}}, 0).has("seq"));
    CHECK_FALSE(event(ServerMetricsUpdate{7, "host", {}}, 0).has("seq"));
}

TEST_CASE("a farewell that stands for no event carries no number") {
    CHECK_FALSE(event(VmDeleted{vm(1), "access_ended"}, 0).has("seq"));
    CHECK(event(VmDeleted{vm(1), "access_ended"}, 5).integer("seq") == 5);
}

TEST_CASE("a change of status names the VM, both words, the reason and the process") {
    const Message m = event(VmStatusChanged{vm(42, "web"), VmStatus::running, VmStatus::stopping,
                                            "shutdown", "boot", 7});
    CHECK(m.integer("data.vm_id") == 42);
    CHECK(m.text("data.vm_name") == "web");
    CHECK(m.text("data.vm_uuid") == uuid(42).toString());
    CHECK(m.text("data.old_status") == "running");
    CHECK(m.text("data.new_status") == "stopping");
    CHECK(m.text("data.reason") == "shutdown");
    CHECK(m.text("data.boot_id") == "boot");
    CHECK(m.integer("data.server_id") == 7);
}

TEST_CASE("a change of status knows neither process nor server at times") {
    const Message m =
        event(VmStatusChanged{vm(1), VmStatus::unknown, VmStatus::stopped, "unknown", {}, {}});
    CHECK(m.isNull("data.boot_id"));
    CHECK(m.isNull("data.server_id"));
}

TEST_CASE("a VM object in an event has everything but metrics") {
    VmInfo info = vmInfo(vm(1));
    info.autostart = false;
    info.vcpus = 4;
    info.memoryMb = 2048;
    info.os = "http://debian.org/debian/12";
    info.title = "";
    info.console = true;
    info.bootId = "boot";
    info.stale = true;
    const Message m = event(VmCreated{info});
    CHECK_FALSE(m.flag("data.vm.autostart"));
    CHECK(m.integer("data.vm.vcpus") == 4);
    CHECK(m.integer("data.vm.memory_mb") == 2048);
    CHECK(m.text("data.vm.os") == "http://debian.org/debian/12");
    CHECK(m.text("data.vm.title").empty());
    CHECK(m.flag("data.vm.console"));
    CHECK(m.text("data.vm.boot_id") == "boot");
    CHECK(m.flag("data.vm.stale"));
    CHECK_FALSE(m.has("data.vm.metrics"));
}

TEST_CASE("an update lists what changed, possibly nothing, and not what the VM was before") {
    const Message m = event(VmUpdated{vmInfo(vm(1, "new")), {"name"}, vm(1, "IAmTheFormerName")});
    CHECK(m.texts("data.changed") == std::vector<std::string>{"name"});
    CHECK(encode(Event(VmUpdated{vmInfo(vm(1)), {}, vm(1, "IAmTheFormerName")}), 1, at())
              .payload()
              .find("IAmTheFormerName") == std::string_view::npos);
    CHECK(event(VmUpdated{vmInfo(vm(1)), {}, vm(1)}).size("data.changed") == 0);
}

TEST_CASE("a deletion says why, where that is known") {
    for (const auto* reason :
         {"undefined", "transient_ended", "access_ended", "renumbered", "vanished"})
        CHECK(event(VmDeleted{vm(1), reason}).text("data.reason") == reason);
    CHECK_FALSE(event(VmDeleted{vm(1), {}}).has("data.reason"));
}

TEST_CASE("an alert is about a VM or about the server") {
    Alert about = alert();
    about.serverId = 7;
    const Message server = event(about);
    CHECK(server.text("data.entity_type") == "server");
    CHECK(server.integer("data.entity_id") == 7);
    CHECK(server.text("data.state") == "firing");
    CHECK(server.text("data.first_seen") == present);
    CHECK(server.text("data.last_seen") == "2026-01-01T00:00:01.500Z");
    CHECK(server.isNull("data.value"));
    about.vm = vm(42);
    about.firing = false;
    about.value = 1.5;
    const Message ofVm = event(about);
    CHECK(ofVm.text("data.entity_type") == "vm");
    CHECK(ofVm.integer("data.entity_id") == 42);
    CHECK(ofVm.text("data.state") == "resolved");
    CHECK(ofVm.number("data.value") == 1.5);
}

TEST_CASE("a name cannot break out of its string") {
    const std::string hostile = "a\",\"type\":\"goodbye\"}\\\n\t\x01\x7f</script>\xe2\x80\xa8\"";
    CHECK(event(VmDeleted{vm(1, hostile), "undefined"}).text("data.vm_name") == hostile);
    CHECK(event(VmCreated{vmInfo(vm(1, hostile))}).text("data.vm.name") == hostile);
    const Message m = event(
        VmStatusChanged{vm(1, hostile), VmStatus::stopped, VmStatus::running, "booted", "boot", 7});
    CHECK(m.text("data.vm_name") == hostile);
    CHECK(m.type() == "vm_status_changed");
}

TEST_CASE("a name that is no UTF-8 leaves as UTF-8") {
    const Message m = event(VmDeleted{vm(1, "a\xff\xfe"), "undefined"});
    CHECK(m.text("data.vm_name") == "a\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("encoding one message leaves the frames before it alone") {
    const Frame first = encode(Event(VmDeleted{vm(1, "one"), "undefined"}), 1, at());
    const Frame second = encode(Event(VmDeleted{vm(2, "another"), "undefined"}), 2, at());
    CHECK(Message(first).text("data.vm_name") == "one");
    CHECK(Message(second).text("data.vm_name") == "another");
}

// --- what is no event ----------------------------------------------------------------------------

TEST_CASE("no answer carries a number of its own") {
    for (const AgentMessage& each : std::vector<AgentMessage>{
             SubscriptionConfirmed{}, Resumed{"0123456789abcdef", 1, 2, 1}, Pong{3},
             Error{ErrorCode::unsupported, "not here", "console_ack", ""}, TokenExpiring{at().wall},
             Lag{1, 2, 3}, Goodbye{"shutting_down", 1000}}) {
        const Message m = answer(each);
        CHECK_FALSE(m.has("seq"));
        CHECK(m.text("timestamp") == present);
        CHECK(m.text("data.timestamp") == present);
    }
}

TEST_CASE("connection_status introduces the agent and says who the client is") {
    ConnectionStatus status;
    status.connectionId = "c1";
    status.epoch = "0123456789abcdef";
    status.seq = 9;
    status.serverId = 7;
    status.serverUuid = uuid(3);
    status.hostname = "host";
    status.agentVersion = "0.1.0";
    status.user = "alice";
    status.role = "admin";
    status.permissions = {"vm:view", "server:view"};
    status.heartbeatSeconds = 30;
    status.limits = {65536, 64, 20000, 50, 262144, 60};
    const Message m = answer(status);
    CHECK(m.type() == "connection_status");
    CHECK(m.text("data.status") == "connected");
    CHECK(m.integer("data.protocol") == 1);
    CHECK(m.text("data.connection_id") == "c1");
    CHECK(m.text("data.epoch") == "0123456789abcdef");
    CHECK(m.integer("data.seq") == 9);
    CHECK(m.integer("data.server_id") == 7);
    CHECK(m.text("data.server_uuid") == uuid(3).toString());
    CHECK(m.text("data.user") == "alice");
    CHECK(m.text("data.role") == "admin");
    CHECK(m.texts("data.permissions") == std::vector<std::string>{"vm:view", "server:view"});
    CHECK(m.integer("data.heartbeat_seconds") == 30);
    CHECK(m.integer("data.limits.max_message_bytes") == 65536);
    CHECK(m.integer("data.limits.max_rules") == 64);
    CHECK(m.integer("data.limits.max_ids") == 20000);
    CHECK(m.integer("data.limits.messages_per_second") == 50);
    CHECK(m.integer("data.limits.bytes_per_second") == 262144);
    CHECK(m.integer("data.limits.errors_per_minute") == 60);
}

TEST_CASE("connection_status says null for what it does not know") {
    ConnectionStatus status;
    status.connectionId = "c1";
    status.epoch = "0123456789abcdef";
    status.hostname = "host";
    status.agentVersion = "0.1.0";
    status.heartbeatSeconds = 30;
    status.limits = {65536, 64, 20000, 50, 262144, 60};
    const Message m = answer(status);
    CHECK(m.isNull("data.server_id"));
    CHECK(m.isNull("data.server_uuid"));
    CHECK(m.isNull("data.user"));
    CHECK(m.isNull("data.role"));
    CHECK(m.integer("data.seq") == 0);
}

TEST_CASE("a confirmation shows the rules in their order, with null for all") {
    SubscriptionConfirmed confirmed;
    confirmed.id = "mine";
    confirmed.rules = {
        {.id = "mine", .include = true, .filter = {{{"alert"}}, {{1, 2}}, {}}},
        {.id = {}, .include = false, .filter = {{}, {}, {{7}}}},
    };
    confirmed.refused = {"nonsense"};
    confirmed.pendingVms = {2};
    confirmed.pendingServers = {9};
    const Message m = answer(confirmed);
    CHECK(m.text("data.id") == "mine");
    REQUIRE(m.size("data.rules") == 2);
    CHECK(m.text("data.rules[0].id") == "mine");
    CHECK(m.flag("data.rules[0].include"));
    CHECK(m.texts("data.rules[0].events") == std::vector<std::string>{"alert"});
    CHECK(m.integers("data.rules[0].vm_ids") == std::vector<std::int64_t>{1, 2});
    CHECK(m.isNull("data.rules[0].server_ids"));
    CHECK_FALSE(m.has("data.rules[1].id"));
    CHECK_FALSE(m.flag("data.rules[1].include"));
    CHECK(m.isNull("data.rules[1].events"));
    CHECK(m.integers("data.rules[1].server_ids") == std::vector<std::int64_t>{7});
    CHECK(m.texts("data.refused") == std::vector<std::string>{"nonsense"});
    REQUIRE(m.size("data.pending") == 2);
    CHECK(m.integer("data.pending[0].vm_id") == 2);
    CHECK(m.integer("data.pending[1].server_id") == 9);
}

TEST_CASE("the flat lists are what the including rules name together") {
    SubscriptionConfirmed confirmed;
    confirmed.rules = {
        {.id = {}, .include = true, .filter = {{{"alert", "vm_created"}}, {{2, 1}}, {}}},
        {.id = {}, .include = true, .filter = {{{"progress", "alert"}}, {{1, 3}}, {}}},
        {.id = {}, .include = false, .filter = {{{"vm_deleted"}}, {{9}}, {{9}}}},
        {.id = {}, .include = true, .filter = {{{"alert"}}, {}, {{7}}}},
    };
    const Message m = answer(confirmed);
    CHECK(m.texts("data.events") == std::vector<std::string>{"alert", "vm_created", "progress"});
    CHECK(m.integers("data.vm_ids") == std::vector<std::int64_t>{2, 1, 3});
    CHECK(m.integers("data.server_ids") == std::vector<std::int64_t>{7});
}

TEST_CASE("a flat list is null where one rule takes all, and empty where no rule includes") {
    SubscriptionConfirmed confirmed;
    const Message none = answer(confirmed);
    CHECK(none.size("data.events") == 0);
    CHECK(none.size("data.vm_ids") == 0);
    CHECK(none.size("data.server_ids") == 0);
    confirmed.rules = {{.id = {}, .include = true, .filter = {{{"alert"}}, {{1}}, {}}},
                       {.id = {}, .include = true, .filter = {}},
                       {.id = {}, .include = true, .filter = {{{"alert"}}, {{2}}, {}}}};
    const Message all = answer(confirmed);
    CHECK(all.isNull("data.events"));
    CHECK(all.isNull("data.vm_ids"));
    CHECK(all.isNull("data.server_ids"));
}

TEST_CASE("a confirmation of the longest lists names each id once") {
    RuleInForce rule;
    rule.filter.vmIds.emplace();
    for (VmId id = 1; id <= 10000; ++id) rule.filter.vmIds->push_back(id);
    SubscriptionConfirmed confirmed;
    confirmed.rules = {rule, rule};
    CHECK(answer(confirmed).size("data.vm_ids") == 10000);
}

TEST_CASE("an error names the request and the place only where there are some") {
    const Message full = answer(
        Error{ErrorCode::invalidMessage, "must be an integer", "subscribe", "data.vm_ids[3]"});
    CHECK(full.text("data.code") == "invalid_message");
    CHECK(full.text("data.message") == "must be an integer");
    CHECK(full.text("data.request_type") == "subscribe");
    CHECK(full.text("data.field") == "data.vm_ids[3]");
    const Message bare = answer(Error{ErrorCode::invalidJson, "not a valid message", "", ""});
    CHECK_FALSE(bare.has("data.request_type"));
    CHECK_FALSE(bare.has("data.field"));
}

TEST_CASE("the small answers say what they are for") {
    const Message resumed = answer(Resumed{"0123456789abcdef", 3, 9, 4});
    CHECK(resumed.text("data.epoch") == "0123456789abcdef");
    CHECK(resumed.integer("data.from_seq") == 3);
    CHECK(resumed.integer("data.to_seq") == 9);
    CHECK(resumed.integer("data.count") == 4);
    CHECK(answer(Pong{5}).integer("data.seq") == 5);
    CHECK(answer(TokenExpiring{at(60s).wall}).text("data.expires_at") ==
          "2026-01-01T00:01:00.000Z");
    const Message lag = answer(Lag{1, 2, 3});
    CHECK(lag.integer("data.dropped_metrics") == 1);
    CHECK(lag.integer("data.conflated") == 2);
    CHECK(lag.integer("data.queue_bytes") == 3);
    const Message goodbye = answer(Goodbye{"too_slow", 1000});
    CHECK(goodbye.text("data.reason") == "too_slow");
    CHECK(goodbye.integer("data.retry_after_ms") == 1000);
}

TEST_CASE("the state of a console says who writes, and names nothing that there is not") {
    ConsoleStatus status;
    status.vmId = 42;
    status.state = ConsoleState::connected;
    status.message = "attached to serial0";
    status.writer = true;
    status.writerUser = "alice";
    status.viewers = 3;
    status.bootId = "boot";
    status.device = "serial0";
    const Message full = answer(status);
    CHECK(full.type() == "console_status");
    CHECK(full.integer("data.vm_id") == 42);
    CHECK(full.text("data.status") == "connected");
    CHECK(full.text("data.message") == "attached to serial0");
    CHECK(full.flag("data.writer"));
    CHECK(full.text("data.writer_user") == "alice");
    CHECK(full.integer("data.viewers") == 3);
    CHECK(full.text("data.boot_id") == "boot");
    CHECK(full.text("data.device") == "serial0");
    CHECK_FALSE(full.has("data.input_dropped"));
    status = {.vmId = 42,
              .state = ConsoleState::waitingForVm,
              .message = {},
              .writerUser = {},
              .bootId = {},
              .device = {},
              .inputDropped = 17};
    const Message bare = answer(status);
    CHECK(bare.text("data.status") == "waiting_for_vm");
    CHECK_FALSE(bare.flag("data.writer"));
    CHECK(bare.isNull("data.writer_user"));
    CHECK(bare.isNull("data.boot_id"));
    CHECK(bare.isNull("data.device"));
    CHECK(bare.integer("data.input_dropped") == 17);
}

TEST_CASE("a viewer is told where it is in the output, and what is missing there") {
    const Message attached = answer(ConsoleAttached{.bootId = "boot",
                                                    .startOffset = 1,
                                                    .replayFrom = 2,
                                                    .nextOffset = 9007199254740991,
                                                    .writer = true,
                                                    .viewers = 4});
    CHECK(attached.type() == "console_attached");
    CHECK(attached.text("data.boot_id") == "boot");
    CHECK(attached.integer("data.start_offset") == 1);
    CHECK(attached.integer("data.replay_from") == 2);
    CHECK(attached.integer("data.next_offset") == 9007199254740991);
    CHECK(attached.flag("data.writer"));
    CHECK(attached.integer("data.viewers") == 4);
    const Message gap = answer(ConsoleGap{.from = 5, .to = 8});
    CHECK(gap.type() == "console_gap");
    CHECK(gap.integer("data.from") == 5);
    CHECK(gap.integer("data.to") == 8);
    CHECK_FALSE(gap.has("data.approximate"));
    CHECK(answer(ConsoleGap{5, 5, true}).flag("data.approximate"));
    for (const auto* kind : {"started", "reboot", "stopped"}) {
        const Message marker = answer(ConsoleMarker{kind, 7, std::nullopt});
        CHECK(marker.type() == "console_marker");
        CHECK(marker.text("data.kind") == kind);
        CHECK(marker.integer("data.offset") == 7);
        CHECK(marker.isNull("data.boot_id"));
    }
}

TEST_CASE("output for who takes no binary frames is text, control characters and all") {
    const std::string printed("login: \x1b[0m\r\n\0\x7f \xe2\x82\xac", 19);
    const Message output = answer(ConsoleText{42, printed});
    CHECK(output.type() == "console_output");
    CHECK(output.integer("data.vm_id") == 42);
    CHECK(output.text("data.output") == printed);
}

TEST_CASE("every farewell is a reason that goodbye may give") {
    namespace farewell = rollo::proto::farewell;
    for (const auto& each :
         {farewell::shuttingDown, farewell::binaryNotAllowed, farewell::notUtf8,
          farewell::messageTooLarge, farewell::tokenMissing, farewell::tokenInvalid,
          farewell::tokenExpired, farewell::permissionDenied, farewell::notFound, farewell::tooSlow,
          farewell::noPong, farewell::consolesDisabled, farewell::migrated, farewell::rateLimited,
          farewell::tooManyErrors})
        CHECK(answer(Goodbye{each.word, 0}).text("data.reason") == each.word);
}
