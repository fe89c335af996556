// SPDX-License-Identifier: Apache-2.0
#include "agent/store/state_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "unit/store/example_state.hpp"

using namespace rollo;
using namespace rollo::store;
using namespace rollo::store::tests;

namespace {

std::vector<std::string> linesOf(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = text.find('\n', begin);
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}
std::string textOf(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += line + '\n';
    return text;
}

}  // namespace

TEST_CASE("a state comes back as it was written") {
    const auto reading = readStateText(writeStateText(exampleState()));
    CHECK(reading.intact);
    CHECK(reading.state == exampleState());
    const auto empty = readStateText(writeStateText({}));
    CHECK(empty.intact);
    CHECK(empty.state == core::SavedState{});
}

TEST_CASE("a name that is no UTF-8 does not make the file look damaged") {
    auto state = exampleState();
    state.vms[0].name = "a\xff";
    const auto reading = readStateText(writeStateText(state));
    CHECK(reading.intact);
    CHECK(reading.state.vms[0].name == "a\xef\xbf\xbd");
}

TEST_CASE("cut off at any byte, the records before the cut are kept and no id comes again") {
    const std::string text = writeStateText(exampleState());
    for (std::size_t length = 0; length + 1 < text.size(); ++length) {
        CAPTURE(length);
        const auto reading = readStateText(text.substr(0, length));
        REQUIRE_FALSE(reading.intact);
        const auto whole = std::count(text.begin(), text.begin() + static_cast<long>(length), '\n');
        const auto& vms = reading.state.vms;
        // A line that lacks nothing but its line break counts as whole.
        REQUIRE(std::ssize(vms) >= std::clamp(whole - 1, 0L, 3L));
        REQUIRE(std::equal(vms.begin(), vms.end(), exampleState().vms.begin()));
        if (whole > 0) REQUIRE(reading.state.nextId == exampleState().nextId);
    }
}

TEST_CASE("a garbage line costs that line alone") {
    const auto good = linesOf(writeStateText(exampleState()));
    for (const char* garbage : {"", "garbage", "{}", "\xff\xfe", "[1,2]", "{\"version\":1}"})
        for (std::size_t at = 0; at < good.size(); ++at) {
            auto lines = good;
            lines[at] = garbage;
            const auto reading = readStateText(textOf(lines));
            CAPTURE(garbage);
            CAPTURE(at);
            CHECK_FALSE(reading.intact);
            CHECK(reading.unreadableLines >= 1);
            CHECK(reading.state.nextId == exampleState().nextId);
            CHECK(reading.state.serverUuid == exampleState().serverUuid);
            const bool hitVm = at >= 1 && at <= 3;
            CHECK(reading.state.vms.size() == (hitVm ? 2 : 3));
            const bool hitAlert = at >= 4 && at <= 5;
            CHECK(reading.state.alerts.size() == (hitAlert ? 1 : 2));
        }
}

TEST_CASE("without a header the next id keeps its distance from those that were recovered") {
    auto lines = linesOf(writeStateText(exampleState()));
    lines.erase(lines.begin());
    lines.pop_back();
    const auto reading = readStateText(textOf(lines));
    CHECK_FALSE(reading.intact);
    CHECK_FALSE(reading.headerFound);
    CHECK(reading.state.vms.size() == 3);
    CHECK(reading.state.nextId == 1000005 + 1000);
    CHECK(readStateText("no state at all").state.nextId == 0);
    CHECK_FALSE(readStateText("").intact);
}

TEST_CASE("a header that lags behind the ids in use is corrected") {
    auto state = exampleState();
    state.nextId = 1000003;
    const auto reading = readStateText(writeStateText(state));
    CHECK_FALSE(reading.intact);
    CHECK(reading.state.nextId == 1000006);
}

TEST_CASE("a missing record, a record twice, and two records with one id are noticed") {
    const auto good = linesOf(writeStateText(exampleState()));
    auto lines = good;
    lines.erase(lines.begin() + 2);
    CHECK_FALSE(readStateText(textOf(lines)).intact);
    lines[2] = lines[1];
    CHECK_FALSE(readStateText(textOf(lines)).intact);
    CHECK(readStateText(textOf(lines)).state.vms.size() == 1);
    auto state = exampleState();
    state.vms[1].id = 17;
    const auto reading = readStateText(writeStateText(state));
    CHECK_FALSE(reading.intact);
    CHECK(reading.state.vms.size() == 2);
    CHECK(reading.state.vms[0].uuid == uuid(1));
}

TEST_CASE("values that cannot be are unreadable, not taken") {
    const auto good = linesOf(writeStateText(exampleState()));
    const auto changed = [&](const std::string& from, const std::string& to) {
        auto lines = good;
        lines[1].replace(lines[1].find(from), from.size(), to);
        return readStateText(textOf(lines)).unreadableLines;
    };
    CHECK(changed("\"id\":17", "\"id\":0") == 1);
    CHECK(changed("\"id\":17", "\"id\":-1") == 1);
    CHECK(changed("\"id\":17", "\"id\":17.5") == 1);
    CHECK(changed("\"id\":17", "\"id\":9223372036854775807") == 1);
    CHECK(changed("\"domain_id\":3", "\"domain_id\":4294967296") == 1);
    CHECK(changed("\"from_platform\":true", "\"from_platform\":1") == 1);
    CHECK(changed("\"cpu_time_ns\":", "\"cpu_time_ns\":-") == 1);
    CHECK(changed("\"uuid\":\"a5", "\"uuid\":\"x5") == 1);
    CHECK(changed("\"id\":17", "\"id\":18") == 0);
}

TEST_CASE("a file of an agent that kept no alerts is whole") {
    auto state = exampleState();
    state.alerts.clear();
    auto lines = linesOf(writeStateText(state));
    for (auto* header : {&lines.front(), &lines.back()}) {
        const std::string count = ",\"alerts\":0";
        header->erase(header->find(count), count.size());
    }
    const auto reading = readStateText(textOf(lines));
    CHECK(reading.intact);
    CHECK(reading.state == state);
}

TEST_CASE("an alert that is missing, or there twice, is noticed") {
    auto lines = linesOf(writeStateText(exampleState()));
    lines.erase(lines.begin() + 4);
    CHECK_FALSE(readStateText(textOf(lines)).intact);
    lines.insert(lines.begin() + 4, lines[4]);
    const auto reading = readStateText(textOf(lines));
    CHECK_FALSE(reading.intact);
    CHECK(reading.unreadableLines == 1);
    CHECK(reading.state.alerts.size() == 1);
    CHECK(reading.state.vms.size() == 3);
}

TEST_CASE("an alert that cannot be is unreadable, and costs nothing but itself") {
    const auto good = linesOf(writeStateText(exampleState()));
    const auto changed = [&](std::size_t line, const std::string& from, const std::string& to) {
        auto lines = good;
        lines[line].replace(lines[line].find(from), from.size(), to);
        const auto reading = readStateText(textOf(lines));
        CHECK(reading.state.vms == exampleState().vms);
        CHECK(reading.state.alerts.size() == 2 - reading.unreadableLines);
        return reading.unreadableLines;
    };
    CHECK(changed(4, "\"alert_id\":\"vm", "\"alert_id\":1,\"x\":\"vm") == 1);
    CHECK(changed(4, "\"alert_type\":\"vm_memory\"", "\"alert_type\":\"\"") == 1);
    CHECK(changed(4, "\"severity\":\"critical\"", "\"severity\":\"bad\"") == 1);
    CHECK(changed(4, "\"first_seen_ms\":1", "\"first_seen_ms\":-1") == 1);
    CHECK(changed(4, "\"last_seen_ms\":1767225700456", "\"last_seen_ms\":9223372036854775807") ==
          1);
    CHECK(changed(4, "\"count\":21", "\"count\":0") == 1);
    CHECK(changed(4, "\"value\":98.5", "\"value\":\"98.5\"") == 1);
    CHECK(changed(4, "\"vm_uuid\":\"a5", "\"vm_uuid\":\"x5") == 1);
    CHECK(changed(4, "\"vm_id\":17", "\"vm_id\":0") == 1);
    CHECK(changed(4, "\"from_platform\":true", "\"from_platform\":1") == 1);
    CHECK(changed(5, "\"entity_type\":\"repository\"", "\"entity_type\":7") == 1);
    CHECK(changed(5, "\"entity_id\":9", "\"entity_id\":\"9\"") == 1);
    CHECK(changed(5, "\"entity_id\":9", "\"entity_id\":null") == 0);
    CHECK(changed(4, "\"value\":98.5", "\"value\":null") == 0);
}

TEST_CASE("members that a later version may add are passed over") {
    auto lines = linesOf(writeStateText(exampleState()));
    for (auto& line : lines) line.insert(1, "\"new\":[1],");
    const auto reading = readStateText(textOf(lines));
    CHECK(reading.intact);
    CHECK(reading.state == exampleState());
}
