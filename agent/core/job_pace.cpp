// SPDX-License-Identifier: Apache-2.0
#include "agent/core/job_pace.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace rollo::core {
namespace {

constexpr double mostPercent = 99;
/// A look this long ago counts for a third.
constexpr double evenedOverSeconds = 5;
/// Longer than any job is worth waiting for; a slower one has no end in sight.
constexpr double longestEtaMs = 1e12;

double secondsBetween(common::Monotonic from, common::Monotonic to) {
    return std::chrono::duration<double>(to - from).count();
}

}  // namespace

proto::Counter remainingOf(const JobFigures& figures) {
    if (figures.bytesRemaining) return figures.bytesRemaining;
    if (!figures.bytesTotal || !figures.bytesProcessed) return std::nullopt;
    return *figures.bytesTotal - std::min(*figures.bytesTotal, *figures.bytesProcessed);
}

std::optional<double> percentOf(const JobFigures& figures) {
    if (figures.mirroring) return mostPercent;
    const auto remaining = remainingOf(figures);
    if (!remaining || figures.bytesTotal.value_or(0) == 0) return std::nullopt;
    // Nothing is left, and nothing was done: it has not begun to count.
    if (*remaining == 0 && figures.bytesProcessed.value_or(0) == 0) return std::nullopt;
    const std::uint64_t total = *figures.bytesTotal;
    const std::uint64_t done = total - std::min(total, *remaining);
    const double percent = 100 * static_cast<double>(done) / static_cast<double>(total);
    return std::min(std::floor(percent), mostPercent);
}

std::optional<std::int64_t> etaOf(const JobFigures& figures, proto::Figure bytesPerSecond) {
    const auto remaining = remainingOf(figures);
    if (figures.mirroring || !remaining || bytesPerSecond.value_or(0) <= 0) return std::nullopt;
    const double ms = 1000 * static_cast<double>(*remaining) / *bytesPerSecond;
    if (ms > longestEtaMs) return std::nullopt;
    return static_cast<std::int64_t>(ms);
}

proto::Figure JobPace::take(const JobFigures& figures, common::Monotonic now) {
    const auto before = std::exchange(processed_, figures.bytesProcessed);
    const double seconds = secondsBetween(std::exchange(takenAt_, now), now);
    if (figures.bytesPerSecond) return figures.bytesPerSecond;
    if (!before || !processed_ || *processed_ < *before || seconds <= 0) return perSecond_;
    const double speed = static_cast<double>(*processed_ - *before) / seconds;
    const double weight = 1 - std::exp(-seconds / evenedOverSeconds);
    perSecond_ = perSecond_ ? *perSecond_ + weight * (speed - *perSecond_) : speed;
    return perSecond_;
}

}  // namespace rollo::core
