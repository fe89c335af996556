// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "agent/core/job_observation.hpp"
#include "common/clock.hpp"

/// How far a job of libvirt is, and how fast.
namespace rollo::core {

/// Whole percent, at most 99; nothing where the figures do not tell. May go down from one look to
/// the next: a guest that writes makes work.
std::optional<double> percentOf(const JobFigures& figures);

/// Bytes that are left to be moved, where that is known.
proto::Counter remainingOf(const JobFigures& figures);

/// Milliseconds that the rest will take at that speed.
std::optional<std::int64_t> etaOf(const JobFigures& figures, proto::Figure bytesPerSecond);

/// The speed of one job, from look to look: what libvirt says, else what the bytes processed say,
/// evened out over some seconds, because block jobs move in large steps.
class JobPace {
  public:
    proto::Figure take(const JobFigures& figures, common::Monotonic now);

  private:
    proto::Counter processed_;
    common::Monotonic takenAt_{};
    proto::Figure perSecond_;
};

}  // namespace rollo::core
