// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace rollo::bench {

/// How often the calling thread has asked `operator new` for memory since it began. A program that
/// links allocation_counter.cpp has its `operator new` replaced.
std::uint64_t allocations();

}  // namespace rollo::bench
