// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/clock.hpp"
#include "proto/events.hpp"

/// Arithmetic with figures that may not be known: what is made of something unknown is unknown.
namespace rollo::core {

using proto::Counter;
using proto::Figure;

constexpr double kibPerMib = 1024.0;
constexpr double kibPerGib = 1024.0 * 1024.0;
constexpr double bytesPerGib = 1024.0 * 1024.0 * 1024.0;

inline double seconds(common::Monotonic from, common::Monotonic to) {
    return std::chrono::duration<double>(to - from).count();
}

/// The growth of a counter; nothing where one end is unknown or it went backwards.
inline Figure growth(const Counter& from, const Counter& to) {
    if (!from || !to || *to < *from) return std::nullopt;
    return static_cast<double>(*to - *from);
}

inline Figure divided(const Figure& value, double by) {
    if (!value || by <= 0) return std::nullopt;
    return *value / by;
}

inline Figure scaled(const Figure& value, double by) {
    if (!value) return std::nullopt;
    return *value * by;
}

inline Figure as(const Counter& counter, double per) {
    if (!counter) return std::nullopt;
    return static_cast<double>(*counter) / per;
}

inline std::int64_t intervalMs(common::Monotonic from, common::Monotonic to) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(to - from).count();
}

inline Figure usedPercent(const Figure& used, const Figure& total) {
    return total ? divided(scaled(used, 100), *total) : std::nullopt;
}

}  // namespace rollo::core
