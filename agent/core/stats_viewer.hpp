// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/core/conversation.hpp"
#include "agent/core/stats_feed.hpp"

namespace rollo::core {

/// One connection to `/ws/stats`: is told the agent's own figures, and asks for nothing.
/// Thread: main.
class StatsViewer final : public Conversation {
  public:
    /// The endpoint has no parameters.
    struct Opening {
        std::string connectionId;
    };

    StatsViewer(Opening opening, Principal principal, Lasting<Terms> terms, const Hub& hub,
                const HostState& state, StatsFeed& feed, Subscriber& subscriber);
    ~StatsViewer() override;

    std::optional<proto::Farewell> refusal() const override;
    void handle(const proto::ClientMessage& message, const common::Now& now) override;
    std::string room() const override { return "stats"; }

  private:
    void begin(const common::Now& now) override;
    void rightsChanged(const Principal&, const common::Now&) override {}

    StatsFeed& feed_;
};

}  // namespace rollo::core
