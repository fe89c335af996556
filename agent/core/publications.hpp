// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "agent/core/alerts.hpp"
#include "agent/core/host_state.hpp"
#include "agent/core/operations.hpp"
#include "agent/core/principal.hpp"
#include "common/clock.hpp"
#include "proto/published.hpp"

namespace rollo::core {

/// The way in for what other programs publish: finds out what it is about, and whether its
/// publisher may say so. Thread: main.
class Publications {
  public:
    Publications(const HostState& state, Operations& operations, Alerts& alerts)
        : state_(state), operations_(operations), alerts_(alerts) {}

    struct Refusal {
        enum class Kind {
            invalid,    ///< it names what is not there
            forbidden,  ///< its publisher may not
            conflict    ///< the id is somebody else's, or there are too many already
        };
        Kind kind;
        std::string field;         ///< as in proto::Error
        std::string message;       ///< fixed text
        std::size_t accepted = 0;  ///< how many before it were told
    };
    /// Tells clients, in order, up to the first that is refused. A VM that the publisher may not
    /// publish about is refused as one that does not exist.
    std::expected<void, Refusal> publish(std::vector<proto::Published> events,
                                         const Principal& publisher, const common::Now& now);

  private:
    const HostState& state_;
    Operations& operations_;
    Alerts& alerts_;
};

}  // namespace rollo::core
