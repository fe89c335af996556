// SPDX-License-Identifier: Apache-2.0
/// Consoles over a real socket: libwebsockets, a session, the core's consoles, and a hypervisor
/// that the test plays.
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>

#include "agent/auth/token_signer.hpp"
#include "agent/core/consoles.hpp"
#include "agent/server/loop.hpp"
#include "agent/server/server.hpp"
#include "common/task_queue.hpp"
#include "tests/fakes/examples.hpp"
#include "tests/fakes/fake_hypervisor.hpp"
#include "tests/fakes/wire.hpp"
#include "tests/unit/server/raw_client.hpp"
#include "unit/temporary_folder.hpp"

using namespace rollo;
using namespace rollo::tests;
using namespace std::chrono_literals;

namespace {

const std::string subprotocol = "Sec-WebSocket-Protocol: rollo.console.v1\r\n";

auth::Key key() {
    return {.material = "0123456789abcdef0123456789abcdef"};
}

auth::TokenVerifier verifier() {
    auth::KeySet keys;
    keys.add(key());
    return auth::TokenVerifier(std::move(keys), {});
}

core::ConsoleSettings consoles() {
    core::ConsoleSettings settings;
    settings.enabled = true;
    settings.input = {1e9, 1e9};
    return settings;
}

/// A guest to which little goes at once, so that all else that is typed waits.
core::ConsoleSettings slowGuest() {
    core::ConsoleSettings settings = consoles();
    settings.input = {1e9, 1000};
    settings.inputQueueBytes = 4000;
    return settings;
}

/// An agent with VM 1, which runs and has `serial0`. The loop runs on a thread of its own; what is
/// here may be touched by `onLoop` alone.
class Bench {
  public:
    TemporaryFolder folder;
    server::Loop loop;
    std::shared_ptr<common::TaskQueue> tasks = std::make_shared<common::TaskQueue>();
    core::Hub hub{"0123456789abcdef"};
    core::HostState state;
    FakeHypervisor hypervisor;
    core::Consoles consoles;
    server::Server server;

    template <class Run>
    auto onLoop(Run run) {
        std::packaged_task<decltype(run())()> task(std::move(run));
        auto result = task.get_future();
        tasks->post([&task] { task(); });
        return result.get();
    }
    explicit Bench(core::ConsoleSettings settings = ::consoles(),
                   std::chrono::seconds heartbeat = 30s)
        : consoles(settings, state, hypervisor, [](const core::ConsoleDeed&) {}),
          server(settingsWith(heartbeat), loop, hub, state, consoles, verifier()) {
        state.server.libvirtConnected = true;
        core::Vm known;
        known.info = vmInfo(vm(1, "web"));
        known.consoles = {{"serial0", core::ConsoleDevice::Kind::serial, "pty", {}}};
        state.vms.emplace(known.info.identity.uuid, known);
        tasks->setWake([this] { loop.wake(); });
        loop.onWake([this] { tasks->drain(); });
        loop.onTurnEnd([this] { return server.flush(); });
        server.listen();
        thread_ = std::thread([this] { loop.run(); });
    }
    ~Bench() {
        onLoop([this] {
            server.stop();
            loop.stop();
        });
        thread_.join();
    }

    RawClient connect(const std::string& query = "", const std::string& headers = subprotocol,
                      const std::string& path = "/ws/console/1") {
        auth::TokenRequest request;
        request.subject = "alice";
        request.roles = {"operator"};
        const auto token = auth::signToken(request, key(), common::readClocks().wall);
        return RawClient(folder / "socket", path + "?token=" + token + query, headers);
    }
    /// Libvirt has given the stream of `serial0`.
    void attach() {
        onLoop([this] {
            consoles.apply(core::ConsoleOpened{hypervisor.stream(), {}}, common::readClocks());
        });
    }
    void print(std::string bytes) {
        onLoop([&] {
            hypervisor.output = {0, std::move(bytes)};
            consoles.apply(core::ConsoleReadable{hypervisor.stream()}, common::readClocks());
        });
    }
    /// What the guest was sent since the last call; it takes it all.
    std::string takeInput() {
        return onLoop([this] { return takeInputHere(); });
    }
    std::string takeInputHere() {
        std::string all;
        const std::string before = "send " + std::to_string(hypervisor.stream()) + " ";
        for (const auto& call : hypervisor.takeConsoleCalls())
            if (call.starts_with(before)) all += call.substr(before.size());
        consoles.apply(core::ConsoleInputTaken{hypervisor.stream()}, common::readClocks());
        return all;
    }
    /// Something has been typed, of which the guest gets a little: what comes now is not read.
    bool inputWaits() { return consoles.figures().inputBytes > 0; }
    std::size_t viewers() { return consoles.figures().viewers; }
    /// As if so much time had passed.
    void tick(std::chrono::seconds later) {
        onLoop([&] {
            common::Now now = common::readClocks();
            now.mono += later;
            server.tick(now);
        });
    }
    /// Whether it happens within some seconds.
    template <class Condition>
    bool comes(Condition condition) {
        for (int i = 0; i < 5000; ++i) {
            if (onLoop(condition)) return true;
            std::this_thread::sleep_for(1ms);
        }
        return false;
    }
    std::uint64_t closedWith(std::uint16_t code) {
        return onLoop([&] {
            const auto& closed = server.counters().closed;
            const auto found = closed.find(code);
            return found == closed.end() ? 0U : found->second;
        });
    }

  private:
    server::Settings settingsWith(std::chrono::seconds heartbeat) {
        server::Settings settings;
        settings.listen = {*server::ListenAddress::parse("unix:" + (folder / "socket"))};
        settings.terms.heartbeat = heartbeat;
        settings.terms.maxMessageBytes = 65536;
        return settings;
    }

    std::thread thread_;
};

std::string pattern(std::size_t size, unsigned seed = 1) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes) {
        seed = seed * 1664525 + 1013904223;
        byte = static_cast<char>(seed >> 24);
    }
    return bytes;
}

}  // namespace

TEST_CASE("the subprotocol is agreed on exactly if it was asked for") {
    Bench bench;
    CHECK(bench.connect().head().find("\r\nSec-WebSocket-Protocol: rollo.console.v1") !=
          std::string::npos);
    for (const auto* headers : {"Sec-WebSocket-Protocol: other, rollo.console.v1\r\n",
                                "Sec-WebSocket-Protocol: rollo.console.v1,other\r\n"}) {
        const RawClient client = bench.connect("", headers);
        CHECK(client.status() == 101);
        CHECK(client.head().find("\r\nSec-WebSocket-Protocol: rollo.console.v1") !=
              std::string::npos);
    }
    for (const auto* path : {"/ws/console/1", "/ws/monitor"}) {
        const RawClient client = bench.connect("", "", path);
        CHECK(client.status() == 101);
        CHECK(client.head().find("Sec-WebSocket-Protocol") == std::string::npos);
    }
}

TEST_CASE("the subprotocol is refused where there is no console") {
    Bench bench;
    CHECK(bench.connect("", subprotocol, "/ws/monitor").status() == 400);
    CHECK(bench.connect("", subprotocol, "/ws/stats").status() == 400);
    CHECK(bench.connect("&mode=x").status() == 400);
}

TEST_CASE("bytes come as they were printed, however much waits") {
    Bench bench;
    auto client = bench.connect();
    client.receiveWith("connection_status");
    bench.attach();
    client.receiveWith("console_attached");
    // More than a viewer's window and than any socket takes at once; nothing ticks here.
    const std::string printed = pattern(1000 * 1000);
    bench.print(printed);
    CHECK((client.receiveBytes(printed.size()) == printed));
    bench.print("and more");
    CHECK(client.receive(RawClient::binary) == "and more");
}

TEST_CASE("a replay comes whole, and as text without the subprotocol") {
    Bench bench;
    auto first = bench.connect();
    first.receiveWith("connection_status");
    bench.attach();
    const std::string printed = pattern(1000 * 1000, 7);
    bench.print(printed);
    auto second = bench.connect();
    CHECK((second.receiveBytes(printed.size()) == printed));
    bench.print("login: ");
    auto third = bench.connect("&tail=7", "");
    CHECK(third.receiveWith("\"console_output\"").find("\"output\":\"login: \"") !=
          std::string::npos);
    bench.print("hello");
    CHECK(third.receiveWith("\"console_output\"").find("\"output\":\"hello\"") !=
          std::string::npos);
}

TEST_CASE("a viewer that does not read holds nobody up, and hears what it missed") {
    Bench bench;
    auto fast = bench.connect();
    bench.attach();
    fast.receiveWith("console_attached");
    auto slow = bench.connect();
    slow.receiveWith("console_attached");
    slow.receiveWith("approximate");  // of what was before the first attach nobody knows
    for (unsigned i = 0; i < 500; ++i) {
        const std::string printed = pattern(10 * 1000, i);
        bench.print(printed);
        REQUIRE((fast.receiveBytes(printed.size()) == printed));
    }
    const std::string gap = slow.receiveWith("console_gap");
    CHECK(gap.find("approximate") == std::string::npos);
    CHECK(bench.closedWith(4013) == 0);
    const auto to = static_cast<std::size_t>(Document(gap).integer("data.to"));
    CHECK(to > 3000 * 1000);
    CHECK(slow.receiveBytes(5000 * 1000 - to).ends_with(pattern(10 * 1000, 499)));
}

TEST_CASE("what is typed arrives whole, though the guest is slower than the client") {
    Bench bench;
    auto client = bench.connect();
    bench.attach();
    client.receiveWith("console_attached");
    const std::string typed = pattern(1000 * 1000, 3);
    std::thread typist([&] {
        for (std::size_t at = 0; at < typed.size(); at += 16000)
            client.send(RawClient::binary, std::string_view(typed).substr(at, 16000));
    });
    std::string arrived;
    for (int quiet = 0; arrived.size() < typed.size() && quiet < 5000;) {
        const std::string some = bench.takeInput();
        quiet = some.empty() ? quiet + 1 : 0;
        arrived += some;
        if (some.empty()) std::this_thread::sleep_for(1ms);
    }
    typist.join();
    CHECK((arrived == typed));
}

TEST_CASE("binary input needs the subprotocol") {
    Bench bench;
    auto client = bench.connect("", "");
    client.receiveWith("connection_status");
    client.send(RawClient::binary, "ls");
    CHECK(client.receiveWith("goodbye").find("binary_not_allowed") != std::string::npos);
    CHECK(client.receive(RawClient::close).substr(0, 2) == "\x03\xeb");
}

TEST_CASE("a writer whose guest takes nothing is not read") {
    Bench bench(slowGuest());
    auto client = bench.connect();
    bench.attach();
    client.receiveWith("console_attached");
    client.waitForSending(300ms);
    const auto type = [&] {
        for (int i = 0; i < 100; ++i) client.send(RawClient::binary, pattern(60000));
    };
    CHECK_THROWS_WITH(type(), "cannot send");
}

TEST_CASE("a writer that is not read is not closed for pongs that nobody reads") {
    Bench bench(slowGuest());
    auto client = bench.connect();
    bench.attach();
    client.receiveWith("console_attached");
    const std::string typed = pattern(150 * 1000, 5);
    for (std::size_t at = 0; at < typed.size(); at += 50000)
        client.send(RawClient::binary, std::string_view(typed).substr(at, 50000));
    // The guest takes nothing: what is typed waits here, and then in the socket.
    CHECK(bench.comes([&] { return bench.inputWaits(); }));
    for (int i = 1; i <= 20; ++i) bench.tick(i * 31s);
    CHECK(client.receive(RawClient::ping) == "?");
    CHECK(bench.closedWith(4014) == 0);
    std::string arrived;
    CHECK(bench.comes([&] { return (arrived += bench.takeInputHere()).size() >= typed.size(); }));
    CHECK((arrived == typed));
    // From here on it is as any other.
    bench.tick(651s);
    bench.tick(682s);
    CHECK(bench.closedWith(4014) == 0);
    bench.tick(713s);
    CHECK(bench.closedWith(4014) == 1);
}

TEST_CASE("a writer that is not read and goes is noticed") {
    Bench bench(slowGuest());
    {
        auto client = bench.connect();
        bench.attach();
        client.receiveWith("console_attached");
        client.send(RawClient::binary, pattern(65000));
        client.send(RawClient::binary, pattern(65000));
        CHECK(bench.comes([&] { return bench.inputWaits(); }));
    }
    CHECK(bench.comes([&] {
        bench.server.tick(common::readClocks());
        return bench.server.connections() == 0;
    }));
    CHECK(bench.onLoop([&] { return bench.viewers(); }) == 0);
}

TEST_CASE("a writer that is not read is shown out as any other") {
    Bench bench(slowGuest());
    auto client = bench.connect();
    bench.attach();
    client.receiveWith("console_attached");
    client.send(RawClient::binary, pattern(65000));
    client.send(RawClient::binary, pattern(65000));
    CHECK(bench.comes([&] { return bench.inputWaits(); }));
    bench.onLoop([&] { bench.consoles.reconfigure({}, common::readClocks()); });
    CHECK(client.receiveWith("goodbye").find("consoles_disabled") != std::string::npos);
    const std::string closing = client.receive(RawClient::close);
    CHECK(closing ==
          "\x0f\xa3"
          "consoles_disabled");
    client.send(RawClient::close, closing.substr(0, 2));
    CHECK_FALSE(client.receive());
    CHECK(bench.comes([&] { return bench.server.connections() == 0; }));
}

TEST_CASE("a subprotocol that is not known is answered alike everywhere") {
    Bench bench;
    const auto* unknown = "Sec-WebSocket-Protocol: rollo.console.v2\r\n";
    CHECK(bench.connect("", unknown).head() == bench.connect("", unknown, "/ws/monitor").head());
}
