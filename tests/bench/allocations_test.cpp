// SPDX-License-Identifier: Apache-2.0
/// From the hub to the bytes that leave: nothing is allocated on the steady path but by encoding,
/// once for each event.
#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <vector>

#include "agent/core/hub.hpp"
#include "agent/server/gather.hpp"
#include "agent/server/send_queue.hpp"
#include "proto/codec.hpp"
#include "tests/bench/allocation_counter.hpp"
#include "tests/fakes/examples.hpp"

using namespace rollo;

namespace {

/// What a session does with what it is sent, without a socket.
class Listener final : public core::Subscriber {
  public:
    explicit Listener(core::Hub& hub) : hub_(hub) {
        core::Subscription everything;
        everything.add({});
        hub_.join(member_, everything, core::Principal::anonymous());
    }
    ~Listener() override { hub_.leave(member_); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    void send(const proto::Frame& frame) override { queue_.push(frame); }
    void sendLatest(std::uint64_t key, const proto::Frame& frame) override {
        queue_.pushLatest(key, frame);
    }
    void dropLatest(std::uint64_t key) override { queue_.dropLatest(key); }
    void tell(const proto::Error&, const common::Now&) override {}
    void refuse(const proto::Error&, const common::Now&) override {}
    void sendBacklog(std::vector<proto::Frame>) override {}
    void sendOutput(const proto::Frame& frame) override { queue_.pushOutput(frame); }
    std::size_t outputWaiting() const override { return queue_.outputBytes(); }
    void listen(bool) override {}
    void close(const proto::Farewell&) override {}

    std::size_t flush(server::Gather& gather) {
        const std::size_t bytes = gather.take(queue_).size();
        queue_.drop(gather.frames().size());
        return bytes;
    }

  private:
    core::Hub& hub_;
    core::Hub::Member member_{*this};
    server::SendQueue queue_;
};

template <class Run>
std::uint64_t allocationsOf(Run run) {
    const std::uint64_t before = bench::allocations();
    run();
    return bench::allocations() - before;
}

proto::VmIdentity longNamed() {
    return tests::vm(1, "a-name-that-is-longer-than-a-string-keeps-in-itself");
}

void checkFanOut(const proto::Event& event) {
    constexpr int events = 10;
    core::Hub hub("0123456789abcdef", {.replayEntries = 16});
    std::vector<std::unique_ptr<Listener>> listeners;
    for (int i = 0; i < 100; ++i) listeners.push_back(std::make_unique<Listener>(hub));
    server::Gather gather;
    std::size_t bytes = 0;
    const auto turn = [&] {
        for (int i = 0; i < events; ++i) hub.publish(event, tests::at());
        for (const auto& listener : listeners) bytes += listener->flush(gather);
        gather.clear();
    };
    for (int i = 0; i < 5; ++i) turn();
    bytes = 0;
    const auto encoding = allocationsOf([&] { proto::encode(event, 1, tests::at()); });
    CHECK(encoding >= 1);
    CHECK(allocationsOf(turn) == events * encoding);
    CHECK(bytes > 100 * events * 100);
}

}  // namespace

TEST_CASE("an ordered event is allocated once, whoever hears it") {
    checkFanOut(proto::VmStatusChanged{
        longNamed(), proto::VmStatus::running, proto::VmStatus::paused, "io_error", {}, 7});
}

TEST_CASE("a conflatable event is allocated once, whoever hears it") {
    checkFanOut(proto::VmMetricsUpdate{longNamed(), {}});
}
