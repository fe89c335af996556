// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <cmath>
#include <string_view>

#include "proto/json_objects.hpp"

namespace rollo::proto {
namespace {

using common::JsonWriter;
using common::Now;
using Columns = std::array<std::string_view, std::tuple_size_v<HistoryRow>>;

constexpr Columns vmColumns = {"cpu_usage_percent",           "memory_used_mb",
                               "disk_read_bytes_per_second",  "disk_write_bytes_per_second",
                               "network_rx_bytes_per_second", "network_tx_bytes_per_second"};
constexpr Columns serverColumns = {"cpu_usage_percent",           "memory_used_gb",
                                   "disk_read_bytes_per_second",  "disk_write_bytes_per_second",
                                   "network_rx_bytes_per_second", "network_tx_bytes_per_second"};

/// Beyond it a float has no digits after the point that mean anything.
constexpr float largeFrom = 10000;
constexpr float largest = 9e15F;

/// With two decimals, or none where it is large. There may be a hundred thousand of them in one
/// answer, all written in one turn of the loop.
void append(std::string& text, float value) {
    if (!std::isfinite(value) || std::abs(value) > largest) {
        text += "null";
        return;
    }
    const bool large = std::abs(value) >= largeFrom;
    const auto scaled = std::llround(large ? static_cast<double>(value) : 100.0 * value);
    char digits[24];
    const long long whole = large ? scaled : scaled / 100;
    text.append(digits, std::to_chars(digits, digits + sizeof digits, whole).ptr);
    const long long rest = large ? 0 : std::abs(scaled % 100);
    if (rest == 0) return;
    text += '.';
    text += static_cast<char>('0' + rest / 10);
    if (rest % 10 != 0) text += static_cast<char>('0' + rest % 10);
}

void writeColumns(JsonWriter& json, const HistorySeries& series, const Columns& names) {
    json.member("first", static_cast<std::uint64_t>(series.first));
    std::string text;
    for (std::size_t column = 0; column < names.size(); ++column) {
        text = '[';
        for (const auto& rows : {series.older, series.newer}) {
            for (const auto& row : rows) {
                if (text.size() > 1) text += ',';
                append(text, row[column]);
            }
        }
        text += ']';
        json.key(names[column]);
        json.raw(text);
    }
}

}  // namespace

void writeMembers(JsonWriter& json, const HistoryTimes& times, const Now& now) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    json.member("step_ms", static_cast<std::int64_t>(times.step.count()));
    json.key("from");
    if (times.at.empty())
        json.null();
    else
        json.value(common::formatTimestamp(
            now.wall - duration_cast<common::WallClock::duration>(now.mono - times.at.front())));
    json.key("offsets_ms");
    json.beginArray();
    for (const auto at : times.at)
        json.value(
            static_cast<std::int64_t>(duration_cast<milliseconds>(at - times.at.front()).count()));
    json.endArray();
}

void writeServerHistory(JsonWriter& json, const HistorySeries& series) {
    json.key("server");
    if (series.size() == 0) return json.null();
    json.beginObject();
    writeColumns(json, series, serverColumns);
    json.endObject();
}

std::string vmHistoryJson(const VmHistory& vm) {
    if (vm.series.size() == 0) return {};
    return written([&](JsonWriter& json) {
        json.beginObject();
        json.member("id", vm.id);
        writeColumns(json, vm.series, vmColumns);
        json.endObject();
    });
}

std::string encodeVmHistory(const HistoryTimes& times, const VmHistory& vm, const Now& now) {
    return written([&](JsonWriter& json) {
        json.beginObject();
        writeMembers(json, times, now);
        json.key("vms");
        json.raw("[" + vmHistoryJson(vm) + "]");
        json.endObject();
    });
}

std::string encodeServerHistory(const HistoryTimes& times, const HistorySeries& server,
                                const Now& now) {
    return written([&](JsonWriter& json) {
        json.beginObject();
        writeMembers(json, times, now);
        writeServerHistory(json, server);
        json.endObject();
    });
}

}  // namespace rollo::proto
