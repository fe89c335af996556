// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include "agent/core/subscriber.hpp"
#include "common/clock.hpp"
#include "proto/websocket_stats.hpp"

namespace rollo::core {

/// Tells the agent's own figures to all who watch them: taken and encoded once for everybody.
/// Thread: main.
class StatsFeed {
  public:
    static constexpr std::chrono::seconds interval{5};
    /// Gives the figures as they are now; the rates are added here.
    using Take = std::function<proto::WebsocketStats(const common::Now&)>;

    /// `sent`: counted elsewhere, outlives this.
    explicit StatsFeed(const proto::Traffic& sent) : sent_(sent) {}
    StatsFeed(const StatsFeed&) = delete;
    StatsFeed& operator=(const StatsFeed&) = delete;

    /// Before anybody joins.
    void onTake(Take take) { take_ = std::move(take); }
    /// Tells it the figures at once, and from then on with everybody. It leaves before it goes.
    void join(Subscriber& viewer, const common::Now& now);
    void leave(Subscriber& viewer);
    /// Tells everybody when it is time. About once a second.
    void tick(const common::Now& now);

  private:
    proto::Frame frame(const common::Now& now) const;

    const proto::Traffic& sent_;
    Take take_;
    std::vector<Subscriber*> viewers_;
    common::Monotonic began_{};  ///< the present interval
    proto::Traffic sentBefore_;  ///< when it began
    double messagesPerSecond_ = 0;
    double bytesPerSecond_ = 0;
};

}  // namespace rollo::core
