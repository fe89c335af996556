// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "agent/core/subscriber.hpp"
#include "proto/codec.hpp"
#include "tests/fakes/wire.hpp"

namespace rollo::tests {

/// A connection that takes everything at once and keeps it for the test to read.
class FakeSubscriber final : public core::Subscriber {
  public:
    enum class Way { ordered, latest, backlog, output };
    struct Sent {
        Way way;
        std::uint64_t key;  ///< of those that only the latest matters of
        proto::Frame frame;
    };

    void send(const proto::Frame& frame) override { sent_.push_back({Way::ordered, 0, frame}); }
    void tell(const proto::Error& error, const common::Now& now) override {
        send(proto::encode(proto::AgentMessage(error), now));
    }
    void refuse(const proto::Error& error, const common::Now& now) override { tell(error, now); }
    void sendLatest(std::uint64_t key, const proto::Frame& frame) override {
        sent_.push_back({Way::latest, key, frame});
    }
    void dropLatest(std::uint64_t key) override { dropped_.push_back(key); }
    void sendBacklog(std::vector<proto::Frame> frames) override {
        for (auto& frame : frames) sent_.push_back({Way::backlog, 0, std::move(frame)});
    }
    void sendOutput(const proto::Frame& frame) override {
        sent_.push_back({Way::output, 0, frame});
        outputWaiting_ += frame.size();
    }
    std::size_t outputWaiting() const override { return outputWaiting_; }
    void listen(bool on) override { listening_ = on; }
    void close(const proto::Farewell& farewell) override { farewells_.emplace_back(farewell.word); }

    /// The socket has taken all output.
    void drain() { outputWaiting_ = 0; }
    bool listening() const { return listening_; }

    /// What was sent since the last call.
    std::vector<Sent> takeSent() { return std::exchange(sent_, {}); }
    /// The same, as the client reads it.
    std::vector<Message> take() {
        std::vector<Message> messages;
        for (const auto& each : takeSent()) messages.emplace_back(each.frame);
        return messages;
    }
    /// The same, a line for each.
    std::vector<std::string> takeLines() {
        std::vector<std::string> lines;
        for (const auto& message : take()) lines.push_back(line(message));
        return lines;
    }
    /// The keys of what was taken back since the last call.
    std::vector<std::uint64_t> takeDropped() { return std::exchange(dropped_, {}); }
    /// Why it was closed, once for each call.
    const std::vector<std::string>& farewells() const { return farewells_; }

  private:
    std::vector<Sent> sent_;
    std::vector<std::uint64_t> dropped_;
    std::vector<std::string> farewells_;
    std::size_t outputWaiting_ = 0;
    bool listening_ = true;
};

}  // namespace rollo::tests
