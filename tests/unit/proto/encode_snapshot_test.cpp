// SPDX-License-Identifier: Apache-2.0
/// Each part is also checked against the schema, by tests/fakes/wire.hpp.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <deque>
#include <limits>

#include "proto/codec.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/wire.hpp"

using namespace rollo::proto;
using namespace rollo::tests;

namespace {

ServerInfo server() {
    ServerInfo info;
    info.id = 7;
    info.hostname = "host";
    info.agentVersion = "0.1.0";
    info.libvirtUri = "qemu:///system";
    return info;
}

Alert alert() {
    Alert made;
    made.id = "a1";
    made.type = "vm_id_conflict";
    made.severity = Severity::warning;
    made.title = "t";
    made.message = "m";
    made.firstSeen = made.lastSeen = at().wall;
    return made;
}

struct Inventory {
    std::deque<VmInfo> infos;
    Snapshot snapshot;

    explicit Inventory(int vms, std::size_t nameBytes = 10) {
        snapshot.epoch = "0123456789abcdef";
        snapshot.seq = 99;
        for (int i = 1; i <= vms; ++i) {
            const VmIdentity identity{i, uuid(static_cast<unsigned char>(i)),
                                      std::string(nameBytes, 'n'), true};
            infos.push_back(vmInfo(identity));
            snapshot.vms.push_back({&infos.back(), nullptr});
        }
    }
};

std::vector<std::int64_t> idsOf(const Message& part) {
    std::vector<std::int64_t> ids;
    for (std::size_t i = 0; i < part.size("data.vms"); ++i)
        ids.push_back(part.integer(fmt::format("data.vms[{}].id", i)));
    return ids;
}

}  // namespace

TEST_CASE("a small snapshot is one part with everything") {
    Inventory inventory(2);
    const ServerInfo info = server();
    const ServerMetrics serverMetrics;
    const VmMetrics metrics;
    const Alert firing = alert();
    inventory.snapshot.reason = SnapshotReason::gap;
    inventory.snapshot.server = &info;
    inventory.snapshot.serverMetrics = &serverMetrics;
    inventory.snapshot.alerts = {&firing};
    inventory.snapshot.vms[1].metrics = &metrics;
    const auto frames = encode(inventory.snapshot, at());
    REQUIRE(frames.size() == 1);
    const Message m(frames.front());
    CHECK(m.type() == "snapshot");
    CHECK(m.text("data.epoch") == "0123456789abcdef");
    CHECK(m.integer("data.seq") == 99);
    CHECK_FALSE(m.has("seq"));
    CHECK(m.text("data.reason") == "gap");
    CHECK(m.integer("data.part") == 1);
    CHECK(m.integer("data.parts") == 1);
    CHECK(m.text("data.server.hostname") == "host");
    CHECK(m.has("data.server.metrics.vms_total"));
    CHECK(m.size("data.operations") == 0);
    CHECK(m.text("data.alerts[0].alert_id") == "a1");
    CHECK_FALSE(m.has("data.alerts[0].timestamp"));
    CHECK(idsOf(m) == std::vector<std::int64_t>{1, 2});
    CHECK(m.isNull("data.vms[0].metrics"));
    CHECK_FALSE(m.isNull("data.vms[1].metrics"));
    CHECK(m.text("data.timestamp") == m.text("timestamp"));
}

TEST_CASE("an empty snapshot is still one part") {
    Inventory inventory(0);
    const auto frames = encode(inventory.snapshot, at());
    REQUIRE(frames.size() == 1);
    const Message m(frames.front());
    CHECK(m.isNull("data.server"));
    CHECK(m.size("data.vms") == 0);
    CHECK(m.size("data.alerts") == 0);
}

TEST_CASE("a large snapshot comes in parts, with every VM once and in order") {
    Inventory inventory(200, 100);
    const ServerInfo info = server();
    const Alert firing = alert();
    inventory.snapshot.server = &info;
    inventory.snapshot.alerts = {&firing};
    constexpr std::size_t partBytes = 4096;
    const auto frames = encode(inventory.snapshot, at(), partBytes);
    CHECK(frames.size() > 10);
    std::vector<std::int64_t> all;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const Message part(frames[i]);
        CHECK(part.integer("data.part") == static_cast<std::int64_t>(i + 1));
        CHECK(part.integer("data.parts") == static_cast<std::int64_t>(frames.size()));
        CHECK(part.integer("data.seq") == 99);
        CHECK(part.text("data.epoch") == "0123456789abcdef");
        CHECK(part.has("data.server") == (i == 0));
        CHECK(part.has("data.operations") == (i == 0));
        CHECK(part.has("data.alerts") == (i == 0));
        const auto ids = idsOf(part);
        CHECK_FALSE(ids.empty());
        all.insert(all.end(), ids.begin(), ids.end());
        // Beside the VMs stand the envelope and, in the first part, the server and the alerts.
        CHECK(frames[i].payload().size() < partBytes + 1500);
    }
    std::vector<std::int64_t> expected;
    for (int i = 1; i <= 200; ++i) expected.push_back(i);
    CHECK(all == expected);
}

TEST_CASE("parts are filled: no more of them than are needed") {
    Inventory inventory(200, 100);
    const std::size_t whole = encode(inventory.snapshot, at(), 1 << 30).front().size();
    CHECK(encode(inventory.snapshot, at(), whole / 4).size() <= 6);
}

TEST_CASE("a VM that is larger than a part has one for itself") {
    Inventory inventory(3, 5000);
    const auto frames = encode(inventory.snapshot, at(), 1000);
    REQUIRE(frames.size() == 3);
    CHECK(idsOf(Message(frames[0])) == std::vector<std::int64_t>{1});
    CHECK(idsOf(Message(frames[2])) == std::vector<std::int64_t>{3});
}

TEST_CASE("a hostile name does not break a snapshot") {
    Inventory inventory(2);
    inventory.infos[0].identity.name = "\"}],\"vms\":[{\\";
    const Message m(encode(inventory.snapshot, at()).front());
    CHECK(m.text("data.vms[0].name") == "\"}],\"vms\":[{\\");
    CHECK(m.size("data.vms") == 2);
}

// --- history -------------------------------------------------------------------------------------

namespace {

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::array<HistoryRow, 2> older = {
    {{0, 1.256F, 9999.994F, 10000.4F, 1.5e9F, unknown}, {100, 0.1F, 2, 3, 4, 5}}};
constexpr std::array<HistoryRow, 1> newer = {{{0.004F, 1e30F, 7, 8, 9, 10}}};

HistoryTimes times() {
    using namespace std::chrono_literals;
    return {5s, {at(-10s).mono, at(-4998ms).mono, at().mono}};
}

}  // namespace

TEST_CASE("a history is columns beside the offsets of its times") {
    const Document m(encodeVmHistory(times(), {5, {0, older, newer}}, at()));
    CHECK(m.integer("step_ms") == 5000);
    CHECK(m.text("from") == "2025-12-31T23:59:50.000Z");
    CHECK(m.integers("offsets_ms") == std::vector<std::int64_t>{0, 5002, 10000});
    CHECK(m.integer("vms[0].id") == 5);
    CHECK(m.integer("vms[0].first") == 0);
    CHECK(m.size("vms[0].cpu_usage_percent") == 3);
    CHECK(m.number("vms[0].cpu_usage_percent[0]") == 0);
    CHECK(m.number("vms[0].cpu_usage_percent[1]") == 100);
    CHECK(m.number("vms[0].cpu_usage_percent[2]") == 0);
    CHECK(m.number("vms[0].memory_used_mb[0]") == 1.26);
    CHECK(m.number("vms[0].memory_used_mb[1]") == 0.1);
    CHECK(m.isNull("vms[0].memory_used_mb[2]"));
    CHECK(m.number("vms[0].disk_read_bytes_per_second[0]") == 9999.99);
    CHECK(m.integer("vms[0].disk_write_bytes_per_second[0]") == 10000);
    CHECK(m.integer("vms[0].network_rx_bytes_per_second[0]") == 1500000000);
    CHECK(m.isNull("vms[0].network_tx_bytes_per_second[0]"));
    CHECK(m.integer("vms[0].network_tx_bytes_per_second[2]") == 10);
}

TEST_CASE("a VM without figures has no columns, and no time is null") {
    const Document none(encodeVmHistory({}, {5, {}}, at()));
    CHECK(none.size("vms") == 0);
    CHECK(none.isNull("from"));
    CHECK(none.size("offsets_ms") == 0);
    CHECK(Document(encodeServerHistory({}, {}, at())).isNull("server"));
    const Document server(encodeServerHistory(times(), {1, older, {}}, at()));
    CHECK(server.integer("server.first") == 1);
    CHECK(server.number("server.memory_used_gb[1]") == 0.1);
}

TEST_CASE("the history of a VM comes in the part of the VM") {
    Inventory inventory(50);
    auto& history = inventory.snapshot.history.emplace();
    history.times = times();
    history.server = {0, older, newer};
    for (int i = 1; i <= 50; ++i)
        history.vms.push_back(i == 7 ? HistorySeries() : HistorySeries{0, older, newer});
    const auto frames = encode(inventory.snapshot, at(), 4096);
    CHECK(frames.size() > 5);
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const Message part(frames[i]);
        CHECK(part.has("data.history.server") == (i == 0));
        CHECK(part.has("data.history.offsets_ms") == (i == 0));
        auto ids = idsOf(part);
        std::erase(ids, 7);
        std::vector<std::int64_t> withHistory;
        for (std::size_t j = 0; j < part.size("data.history.vms"); ++j)
            withHistory.push_back(part.integer(fmt::format("data.history.vms[{}].id", j)));
        CHECK(withHistory == ids);
        CHECK(frames[i].payload().size() < 4096 + 1500);
    }
}
