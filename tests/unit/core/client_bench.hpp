// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/client.hpp"
#include "proto/codec.hpp"
#include "tests/unit/core/host_bench.hpp"

/// One client of a host, which says what it says as text and keeps what it is told.
namespace rollo::tests {

using Ids = std::vector<std::int64_t>;

inline core::Principal viewer(std::string user) {
    core::Principal principal = core::Principal::anonymous();
    principal.user = std::move(user);
    principal.role = "viewer";
    return principal;
}

inline core::Principal scoped(std::string user, std::vector<core::VmScope> vms) {
    core::Principal principal = viewer(std::move(user));
    principal.vms = std::move(vms);
    return principal;
}

/// One client of a host with VMs 1, 2 and 3, whose ids stand in their metadata.
class ClientBench {
  public:
    HostBench host;
    FakeSubscriber ear;
    core::Client::Opening opening{core::MonitorEndpoint{}, "c1", {}, {}, true};
    core::Client::Terms terms;
    std::optional<core::Client> client;

    ClientBench() {
        host.begin({claiming(runningVm(1, 11), 1), claiming(stoppedVm(2), 2),
                    claiming(runningVm(3, 13), 3)});
    }

    ClientBench& open(core::EventEndpoint endpoint = core::MonitorEndpoint{},
                      const core::Principal& principal = core::Principal::anonymous()) {
        opening.endpoint = std::move(endpoint);
        client.emplace(opening, principal, terms, host.hub, host.host.state(), ear);
        if (!client->refusal()) client->open(at(host.clock));
        return *this;
    }
    /// Opened, with nothing of that among what is heard later.
    ClientBench& opened(core::EventEndpoint endpoint = core::MonitorEndpoint{},
                        const core::Principal& principal = core::Principal::anonymous()) {
        open(std::move(endpoint), principal).ear.takeSent();
        return *this;
    }
    /// As the client sends it.
    ClientBench& say(std::string_view text) {
        const auto message = proto::decode(text);
        REQUIRE(message.has_value());
        client->handle(*message, at(host.clock));
        return *this;
    }
    ClientBench& subscribe(std::string_view data = "{}") {
        return say(fmt::format(R"({{"type":"subscribe","data":{}}})", data));
    }
    ClientBench& unsubscribe(std::string_view data = "{}") {
        return say(fmt::format(R"({{"type":"unsubscribe","data":{}}})", data));
    }
    ClientBench& tick(std::chrono::milliseconds when) {
        client->tick(at(when));
        return *this;
    }
    ClientBench& pause(int number) {
        host.on(number, core::Lifecycle::suspended, "io_error", 10 + number);
        return *this;
    }
    ClientBench& resume(int number) {
        host.on(number, core::Lifecycle::resumed, "user", 10 + number);
        return *this;
    }
    ClientBench& rename(int number, std::string name) {
        auto description = claiming(stoppedVm(number), number);
        description.domain.name = std::move(name);
        host.outdated(number).described(description);
        return *this;
    }
    /// A sample of the running VM 1.
    ClientBench& sample() {
        core::SampleTaken taken;
        taken.domains.push_back({.uuid = uuid(1), .domainId = 11});
        host.tell(taken);
        return *this;
    }
    std::string resumeAt(proto::Seq seq) const {
        return fmt::format(R"({{"resume":{{"epoch":"{}","seq":{}}}}})", host.hub.epoch(), seq);
    }
    Lines lines() { return ear.takeLines(); }
    Message only() {
        auto messages = ear.take();
        REQUIRE(messages.size() == 1);
        return messages.front();
    }
    std::string refusal(core::EventEndpoint endpoint, const core::Principal& principal) {
        open(std::move(endpoint), principal);
        CHECK(ear.takeSent().empty());
        REQUIRE(client->refusal());
        return std::string(client->refusal()->word);
    }
};

inline Lines confirmedAnd(std::string more) {
    return {"subscription_confirmed", std::move(more)};
}

}  // namespace rollo::tests
