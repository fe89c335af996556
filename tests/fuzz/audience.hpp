// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/core/subscriber.hpp"
#include "common/json_reader.hpp"
#include "proto/codec.hpp"
#include "tests/fuzz/check.hpp"

namespace rollo::fuzz {

/// 2026-01-01T00:00:00.000Z.
inline common::Now present() {
    return {common::Monotonic(std::chrono::hours(1)),
            common::WallClock(std::chrono::seconds(1767225600))};
}

/// Somebody who hears what the agent says and accepts nothing but frames of whole JSON texts.
class Audience final : public core::Subscriber {
  public:
    void send(const proto::Frame& frame) override { hear(frame); }
    void tell(const proto::Error& error, const common::Now& now) override {
        hear(proto::encode(proto::AgentMessage(error), now));
    }
    void refuse(const proto::Error& error, const common::Now& now) override { tell(error, now); }
    void sendLatest(std::uint64_t, const proto::Frame& frame) override { hear(frame); }
    void dropLatest(std::uint64_t) override {}
    void sendBacklog(std::vector<proto::Frame> frames) override {
        for (const auto& frame : frames) hear(frame);
    }
    void sendOutput(const proto::Frame& frame) override { hear(frame); }
    std::size_t outputWaiting() const override { return 0; }
    void listen(bool) override {}
    void close(const proto::Farewell&) override { closed_ = true; }

    bool closed() const { return closed_; }

  private:
    static void hear(const proto::Frame& frame) {
        demand(frame.isText(), "a message is text");
        const auto payload = frame.payload();
        const auto message =
            common::readJson(payload, {.bytes = payload.size(), .nodes = payload.size() + 1});
        demand(message && message->find("type"), "a message is whole JSON with a type");
    }

    bool closed_ = false;
};

}  // namespace rollo::fuzz
