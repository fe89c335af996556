// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "common/clock.hpp"
#include "proto/ids.hpp"

/// Figures of the last minutes, as columns beside one list of times.
namespace rollo::proto {

/// CPU, memory, disk read and written, network received and sent: the figures of the metrics, NaN
/// where one is not known.
using HistoryRow = std::array<float, 6>;

struct HistoryTimes {
    std::chrono::milliseconds step{0};  ///< the least distance of two, but for gaps
    std::vector<common::Monotonic> at;  ///< the oldest first
};

/// The rows of one VM or of the host; points into where they are kept.
struct HistorySeries {
    std::size_t first = 0;  ///< the time of the first row, by its place among the times
    std::span<const HistoryRow> older, newer;

    std::size_t size() const { return older.size() + newer.size(); }
};

struct VmHistory {
    VmId id = 0;
    HistorySeries series;
};

/// The body of `GET /api/v1/vms/{vm}/history`; `vm` without rows: it has none.
std::string encodeVmHistory(const HistoryTimes& times, const VmHistory& vm, const common::Now& now);
/// The body of `GET /api/v1/server/history`.
std::string encodeServerHistory(const HistoryTimes& times, const HistorySeries& server,
                                const common::Now& now);

}  // namespace rollo::proto
