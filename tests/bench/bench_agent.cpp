// SPDX-License-Identifier: Apache-2.0
/// The agent's core and server on the agent's own loop, with a script in the place of libvirt. What
/// the script tells comes from another thread through the task queue, as from libvirt's.
///
/// Each line of standard input is a command:
///   status N       N guests change their status, all in one turn of the loop (ordered events)
///   metrics N      N guests are sampled (conflatable events)
///   allocations    answered on standard output by how often the main thread has allocated so far
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "agent/core/consoles.hpp"
#include "agent/core/host.hpp"
#include "agent/core/hub.hpp"
#include "agent/server/loop.hpp"
#include "agent/server/server.hpp"
#include "common/task_queue.hpp"
#include "tests/bench/allocation_counter.hpp"
#include "tests/fakes/fake_hypervisor.hpp"

namespace rollo::bench {
namespace {

constexpr int guests = 100;

proto::Uuid uuidOf(int number) {
    proto::Uuid uuid;
    uuid.bytes[15] = static_cast<unsigned char>(number);
    return uuid;
}

core::DomainRef domain(int number) {
    return {uuidOf(number), fmt::format("web-server-{:02}", number), number};
}

core::Host::Settings hostSettings() {
    core::Host::Settings settings;
    settings.serverId = 1;
    settings.hostname = "bench";
    settings.agentVersion = "0";
    settings.newBootId = [] { return std::string("00112233445566778899aabbccddeeff"); };
    return settings;
}

server::Settings serverSettings() {
    server::Settings settings;
    settings.listen = {*server::ListenAddress::parse("127.0.0.1:0")};
    settings.anonymous = true;
    settings.admission = {.connections = 100000, .perAddress = 100000, .newPerSecond = 100000};
    settings.terms.heartbeat = std::chrono::hours(1);  // sending is measured, nothing else
    return settings;
}

core::DomainSample sample(int number, std::uint64_t serial) {
    core::DomainSample sample;
    sample.uuid = uuidOf(number);
    sample.domainId = number;
    sample.takenAt = common::readClocks().mono;
    sample.cpuTimeNs = serial * 1'000'000;
    sample.balloonCurrentKib = 4u << 20;
    sample.balloonUnusedKib = 1u << 20;
    sample.disks = {{.name = "vda", .readBytes = serial << 20, .writeBytes = serial << 21}};
    sample.networks = {{.name = "vnet0", .rxBytes = serial << 16, .txBytes = serial << 17}};
    return sample;
}

class BenchAgent {
  public:
    void run() {
        tasks_.setWake([this] { loop_.wake(); });
        loop_.onWake([this] { tasks_.drain(); });
        loop_.onTurnEnd([this] { return server_.flush(); });
        loop_.every(std::chrono::seconds(1), [this] {
            const auto now = common::readClocks();
            host_.tick(now);
            server_.tick(now);
        });
        begin();
        server_.listen();
        std::jthread script([this] { readScript(); });
        loop_.run();
    }

  private:
    void begin() {
        const auto now = common::readClocks();
        host_.apply(core::ConnectionOpened{}, now);
        host_.apply(core::ListingBegun{}, now);
        core::ListingDone listing;
        for (int number = 1; number <= guests; ++number) {
            core::DomainDescription description;
            description.domain = domain(number);
            description.status = proto::VmStatus::running;
            description.reason = "booted";
            listing.domains.push_back(std::move(description));
        }
        host_.apply(std::move(listing), now);
    }

    /// Thread: the script's.
    void readScript() {
        std::string what;
        while (std::cin >> what) {
            int count = 0;
            if (what == "allocations")
                tasks_.post([] { fmt::print("{}\n", allocations()), std::fflush(stdout); });
            else if (std::cin >> count)
                what == "status" ? changeStatus(count) : takeSample(count);
        }
        tasks_.post([this] { loop_.stop(); });
    }

    void changeStatus(int count) {
        std::vector<core::LifecycleSeen> changes;
        paused_ = !paused_;
        for (int number = 1; number <= count; ++number) {
            if (paused_)
                changes.push_back({domain(number), core::Lifecycle::suspended, "io_error"});
            else
                changes.push_back({domain(number), core::Lifecycle::resumed, "user"});
        }
        tasks_.post([this, moved = std::move(changes)]() mutable {
            for (auto& change : moved) host_.apply(std::move(change), common::readClocks());
        });
    }

    void takeSample(int count) {
        core::SampleTaken taken;
        ++serial_;
        for (int number = 1; number <= count; ++number)
            taken.domains.push_back(sample(number, serial_));
        tasks_.post([this, moved = std::move(taken)]() mutable {
            host_.apply(std::move(moved), common::readClocks());
        });
    }

    bool paused_ = false;
    std::uint64_t serial_ = 1000;
    common::TaskQueue tasks_;
    server::Loop loop_;
    core::Hub hub_{"0123456789abcdef"};
    tests::FakeHypervisor hypervisor_;
    core::Host host_{hostSettings(), {}, hub_, hypervisor_};
    core::Consoles consoles_{{}, host_.state(), hypervisor_, {}};
    server::Server server_{serverSettings(), loop_,     hub_,
                           host_.state(),    consoles_, auth::TokenVerifier({}, {})};
};

}  // namespace
}  // namespace rollo::bench

int main() {
    rollo::bench::BenchAgent().run();
}
