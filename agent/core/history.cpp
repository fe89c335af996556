// SPDX-License-Identifier: Apache-2.0
#include "agent/core/history.hpp"

#include <algorithm>
#include <limits>

namespace rollo::core {
namespace {

/// A sample of every `step` comes a little early at times.
constexpr auto nearest = Timeline::step - Timeline::step / 10.0;

constexpr float unknown = std::numeric_limits<float>::quiet_NaN();

proto::HistoryRow nothingKnown() {
    proto::HistoryRow row;
    row.fill(unknown);
    return row;
}

float number(const proto::Figure& figure) {
    return figure ? static_cast<float>(*figure) : unknown;
}

}  // namespace

Slot Timeline::append(common::Monotonic at) {
    at_[next_ % slots] = at;
    return next_++;
}

std::optional<Slot> Timeline::open(common::Monotonic at) {
    if (opened_ && at - *opened_ < nearest) return std::nullopt;
    opened_ = at;
    broken_ = false;
    return append(at);
}

void Timeline::breakOff(common::Monotonic at) {
    if (broken_) return;
    broken_ = true;
    append(at);
}

Slot Timeline::begin(common::Monotonic now) const {
    Slot slot = next_ > slots ? next_ - slots : 0;
    while (slot < next_ && now - at_[slot % slots] > lasts) ++slot;
    return slot;
}

proto::HistoryTimes Timeline::times(common::Monotonic now) const {
    proto::HistoryTimes times{step, {}};
    for (Slot slot = begin(now); slot < next_; ++slot) times.at.push_back(at_[slot % slots]);
    return times;
}

void Series::put(Slot slot, const proto::HistoryRow& row) {
    constexpr Slot size = Timeline::slots;
    if (rows_.empty()) {
        rows_.reserve(size);
        rows_.resize(size);
        first_ = next_ = slot;
    }
    if (slot >= next_ + size) first_ = next_ = slot;
    for (; next_ < slot; ++next_) rows_[next_ % size] = nothingKnown();
    rows_[slot % size] = row;
    next_ = slot + 1;
    if (next_ - first_ > size) first_ = next_ - size;
}

proto::HistorySeries Series::since(Slot begin) const {
    const Slot from = std::max(first_, begin);
    if (from >= next_) return {};
    const std::size_t at = from % Timeline::slots;
    const std::size_t count = next_ - from;
    const std::span<const proto::HistoryRow> all(rows_);
    const std::size_t older = std::min(count, Timeline::slots - at);
    return {static_cast<std::size_t>(from - begin), all.subspan(at, older),
            all.first(count - older)};
}

proto::HistoryRow historyRow(const proto::VmMetrics& metrics) {
    return {number(metrics.cpuUsagePercent),         number(metrics.memoryUsedMb),
            number(metrics.diskReadBytesPerSecond),  number(metrics.diskWriteBytesPerSecond),
            number(metrics.networkRxBytesPerSecond), number(metrics.networkTxBytesPerSecond)};
}

proto::HistoryRow historyRow(const proto::ServerMetrics& metrics) {
    return {number(metrics.cpuUsagePercent),         number(metrics.memoryUsedGb),
            number(metrics.diskReadBytesPerSecond),  number(metrics.diskWriteBytesPerSecond),
            number(metrics.networkRxBytesPerSecond), number(metrics.networkTxBytesPerSecond)};
}

}  // namespace rollo::core
