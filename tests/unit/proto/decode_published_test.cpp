// SPDX-License-Identifier: Apache-2.0
#include "proto/published.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/fakes/examples.hpp"

using namespace rollo::proto;
namespace fs = std::filesystem;

namespace {

std::string slurp(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// Calls `look(path, text)` for each example of what is published; answers how many there are.
template <class Look>
int forEachExample(const std::string& kind, Look look) {
    int count = 0;
    const fs::path root = fs::path(ROLLO_EXAMPLE_DIR) / kind / "publisher";
    for (const auto& entry : fs::recursive_directory_iterator(root)) {
        if (entry.path().extension() != ".json") continue;
        CAPTURE(entry.path());
        look(entry.path(), slurp(entry.path()));
        ++count;
    }
    return count;
}

template <class Event>
Event read(std::string_view text) {
    auto events = decodePublished(text);
    CAPTURE(text.substr(0, 200));
    REQUIRE(events.has_value());
    REQUIRE(events->size() == 1);
    CHECK(events->front().place == "data");
    REQUIRE(std::holds_alternative<Event>(events->front().event));
    return std::get<Event>(std::move(events->front().event));
}

Error refused(std::string_view text) {
    const auto events = decodePublished(text);
    CAPTURE(text.substr(0, 200));
    REQUIRE_FALSE(events.has_value());
    CHECK_FALSE(events.error().message.empty());
    return events.error();
}

constexpr std::string_view progress =
    R"({"operation_id":"o","operation_type":"backup","progress_percent":5,"status":"pending","message":""})";

std::string event(std::string_view data, std::string_view type = "progress") {
    return fmt::format(R"({{"type":"{}","data":{}}})", type, data);
}

}  // namespace

TEST_CASE("the original's fields are enough for a progress") {
    const auto published = read<PublishedProgress>(event(progress));
    CHECK(published.progress.operationId == "o");
    CHECK(published.progress.operationType == "backup");
    CHECK(published.progress.percent == 5);
    CHECK(published.progress.status == ProgressStatus::pending);
    CHECK(published.progress.message.empty());
    CHECK_FALSE(published.vm.any());
    CHECK_FALSE(published.progress.phase);
    CHECK_FALSE(published.progress.bytesTotal);
    CHECK_FALSE(published.progress.etaMs);
    CHECK_FALSE(published.progress.error);
}

TEST_CASE("every field of a progress arrives") {
    const auto published = read<PublishedProgress>(event(
        R"({"operation_id":"o","operation_type":"backup","progress_percent":50.5,"status":"failed",
            "message":"m","vm_id":42,"vm_uuid":"00000000-0000-0000-0000-000000000001","phase":"copy",
            "bytes_total":10,"bytes_processed":4,"bytes_remaining":6,"rate_bytes_per_second":0.5,
            "elapsed_ms":7,"eta_ms":8,"error":"full","timestamp":"any"})"));
    const Progress& all = published.progress;
    CHECK(all.percent == 50.5);
    CHECK(all.status == ProgressStatus::failed);
    CHECK(published.vm.id == 42);
    CHECK(published.vm.uuid == rollo::tests::uuid(1));
    CHECK(all.phase == "copy");
    CHECK(all.bytesTotal == 10);
    CHECK(all.bytesProcessed == 4);
    CHECK(all.bytesRemaining == 6);
    CHECK(all.bytesPerSecond == 0.5);
    CHECK(all.elapsedMs == 7);
    CHECK(all.etaMs == 8);
    CHECK(all.error == "full");
}

TEST_CASE("every field of an alert arrives") {
    const auto published = read<PublishedAlert>(event(
        R"({"alert_id":"a","alert_type":"t","severity":"critical","title":"T","message":"M",
            "entity_type":"vm","entity_id":3,"vm_uuid":"00000000-0000-0000-0000-000000000003",
            "state":"resolved","first_seen":"2026-01-01T00:00:00.001Z",
            "last_seen":"2026-01-01T00:00:00.002Z","count":9,"value":-1.5,"threshold":2})",
        "alert"));
    CHECK(published.alert.id == "a");
    CHECK(published.alert.type == "t");
    CHECK(published.alert.severity == Severity::critical);
    CHECK(published.alert.title == "T");
    CHECK(published.alert.message == "M");
    CHECK(published.entityType == "vm");
    CHECK(published.entityId == 3);
    CHECK(published.vmUuid == rollo::tests::uuid(3));
    CHECK_FALSE(published.alert.firing);
    CHECK(published.firstSeen == rollo::tests::at(std::chrono::milliseconds(1)).wall);
    CHECK(published.lastSeen == rollo::tests::at(std::chrono::milliseconds(2)).wall);
    CHECK(published.count == 9);
    CHECK(published.alert.value == -1.5);
    CHECK(published.alert.threshold == 2);
}

TEST_CASE("what an alert leaves out is empty, and it fires") {
    const auto published = read<PublishedAlert>(event(
        R"({"alert_id":"a","alert_type":"t","severity":"info","title":"","message":"",
            "entity_type":"server","entity_id":null})",
        "alert"));
    CHECK(published.alert.firing);
    CHECK_FALSE(published.entityId);
    CHECK_FALSE(published.firstSeen);
    CHECK_FALSE(published.lastSeen);
    CHECK_FALSE(published.count);
}

TEST_CASE("what does not go together is refused") {
    const auto alert = [](std::string_view more) {
        return event(fmt::format(R"({{"alert_id":"a","alert_type":"t","severity":"info","title":"",
                                 "message":"",{}}})",
                                 more),
                     "alert");
    };
    CHECK(refused(alert(R"("entity_type":"vm","entity_id":null)")).field == "data.entity_id");
    CHECK(refused(alert(R"("entity_type":"server","entity_id":1,
                           "vm_uuid":"00000000-0000-0000-0000-000000000003")"))
              .field == "data.vm_uuid");
    CHECK(refused(alert(R"("entity_type":"server","entity_id":1,
                           "first_seen":"2026-01-01T00:00:00.002Z",
                           "last_seen":"2026-01-01T00:00:00.001Z")"))
              .field == "data.last_seen");
    CHECK(refused(alert(R"("entity_type":"server","entity_id":1,
                           "last_seen":"2026-02-30T00:00:00.001Z")"))
              .field == "data.last_seen");
}

TEST_CASE("several come in an array, each with its place") {
    const auto events = decodePublished(fmt::format("[{},{}]", event(progress), event(progress)));
    REQUIRE(events.has_value());
    REQUIRE(events->size() == 2);
    CHECK((*events)[1].place == "[1].data");
    CHECK(refused(fmt::format("[{},{}]", event(progress), event("{}"))).field ==
          "[1].data.operation_id");
    CHECK(refused(fmt::format("[{},1]", event(progress))).field == "[1]");
}

TEST_CASE("an array has 1 to 64 events") {
    const auto many = [](std::size_t count) {
        std::string list = "[" + event(progress);
        for (std::size_t i = 1; i < count; ++i) list += "," + event(progress);
        return list + "]";
    };
    CHECK(decodePublished(many(mostPublished))->size() == mostPublished);
    refused(many(mostPublished + 1));
    refused("[]");
}

TEST_CASE("what is no event is refused, and says where") {
    CHECK(refused("").code == ErrorCode::invalidJson);
    CHECK(refused("{").code == ErrorCode::invalidJson);
    CHECK(refused(event(progress) + "x").code == ErrorCode::invalidJson);
    CHECK(refused("1").code == ErrorCode::invalidMessage);
    CHECK(refused("{}").field == "type");
    CHECK(refused(R"({"type":"vm_created","data":{}})").field == "type");
    CHECK(refused(R"({"type":"progress"})").field == "data");
    CHECK(refused(R"({"type":"progress","data":[]})").field == "data");
}

TEST_CASE("every valid example of what is published is understood") {
    const int count = forEachExample("valid", [](const fs::path&, const std::string& text) {
        const auto events = decodePublished(text);
        CHECK_MESSAGE(events.has_value(), (events ? std::string() : events.error().field));
    });
    CHECK(count > 15);
}

TEST_CASE("every invalid example of what is published is refused where its name says") {
    const int count = forEachExample("invalid", [](const fs::path& path, const std::string& text) {
        const auto events = decodePublished(text);
        REQUIRE_FALSE(events.has_value());
        CAPTURE(events.error().field);
        CHECK(path.stem().string().starts_with(events.error().field));
        CHECK(text.find(events.error().message) == std::string::npos);
    });
    CHECK(count > 100);
}

TEST_CASE("a body that was cut off anywhere is refused") {
    const std::string whole = fmt::format("[{}]", event(progress));
    for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK_FALSE(decodePublished(std::string_view(whole).substr(0, length)).has_value());
}
