// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/console_viewer.hpp"
#include "agent/core/consoles.hpp"
#include "proto/codec.hpp"
#include "tests/unit/core/host_bench.hpp"

/// The consoles of a host, with people who watch and type.
namespace rollo::tests {

inline core::Principal person(std::string user, std::string role = "operator") {
    core::Principal principal;
    principal.user = std::move(user);
    principal.role = role;
    principal.permissions = *core::permissionsOfRole(role);
    return principal;
}

inline core::ConsoleDevice serial(std::string alias, std::optional<core::ConsoleLogFile> log = {}) {
    return {std::move(alias), core::ConsoleDevice::Kind::serial, "pty", std::move(log)};
}

/// What a log file holds from there on.
inline core::ConsoleLog file(std::string bytes, std::uint64_t from = 0) {
    return {std::move(bytes), from, 1};
}

inline core::DomainDescription withConsoles(core::DomainDescription from,
                                            std::vector<core::ConsoleDevice> consoles) {
    from.consoles = std::move(consoles);
    from.console = !from.consoles.empty();
    return from;
}

class ConsoleBench;

/// Somebody who watches VM 1.
class Watcher {
  public:
    Watcher(ConsoleBench& of, core::Principal principal, core::ConsoleViewer::Opening opening);

    Watcher& say(std::string_view text);
    Watcher& type(std::string_view bytes);
    /// What was heard since the last call: output in quotes, joined; the rest a line each.
    Lines heard();
    /// Whether it is worth a line that nobody knows what was printed before the first attach.
    bool tellsOfStart = false;
    FakeSubscriber ear;
    core::ConsoleViewer viewer;
    ConsoleBench& bench;
};

class ConsoleBench {
  public:
    HostBench host;
    core::ConsoleSettings settings;
    std::vector<std::string> deeds;
    core::Conversation::Terms terms;
    std::unique_ptr<core::Consoles> consoles;

    ConsoleBench() { settings.enabled = true; }
    ~ConsoleBench() { host.hub.onOrdered({}); }

    /// VM 1 runs, with these devices.
    ConsoleBench& begin(std::vector<core::ConsoleDevice> devices = {serial("serial0")},
                        bool running = true) {
        consoles = std::make_unique<core::Consoles>(
            settings, host.host.state(), host.hypervisor, [this](const core::ConsoleDeed& deed) {
                deeds.push_back(fmt::format("{} ({}) {} {} of {}", deed.user, deed.address,
                                            deed.what, deed.device, deed.vm));
            });
        host.hub.onOrdered([this](const proto::Event& event, const common::Now& now) {
            consoles->follow(event, now);
        });
        host.begin({withConsoles(claiming(running ? runningVm(1, 11) : stoppedVm(1), 1),
                                 std::move(devices))});
        return *this;
    }
    std::unique_ptr<Watcher> watch(core::Principal principal = person("ann"),
                                   core::ConsoleViewer::Opening opening = {}) {
        opening.vm = opening.vm.empty() ? "1" : opening.vm;
        opening.connectionId = "c1";
        opening.address = "192.0.2.1";
        auto watcher = std::make_unique<Watcher>(*this, std::move(principal), std::move(opening));
        if (const auto refusal = watcher->viewer.refusal())
            watcher->ear.close(*refusal);
        else
            watcher->viewer.open(now());
        return watcher;
    }
    std::unique_ptr<Watcher> watchBinary(core::Principal principal = person("ann"),
                                         core::ConsoleViewer::Opening opening = {}) {
        opening.binary = true;
        return watch(std::move(principal), std::move(opening));
    }

    common::Now now() const { return at(host.clock); }
    /// Time passes, and what is due is done.
    ConsoleBench& pass(int ms) {
        host.clock += std::chrono::milliseconds(ms);
        consoles->look(now());
        return *this;
    }
    ConsoleBench& tick(int ms = 0) {
        host.clock += std::chrono::milliseconds(ms);
        consoles->tick(now());
        return *this;
    }
    core::StreamId stream() const { return host.hypervisor.stream(); }
    Lines calls() { return host.hypervisor.takeConsoleCalls(); }

    ConsoleBench& opened(std::optional<core::ConsoleLog> log = {}) {
        return apply(core::ConsoleOpened{stream(), std::move(log)});
    }
    ConsoleBench& failed(core::ConsoleFailure failure, std::optional<core::ConsoleLog> log = {}) {
        return apply(core::ConsoleFailed{stream(), failure, std::move(log)});
    }
    ConsoleBench& print(std::string bytes, std::uint64_t dropped = 0) {
        host.hypervisor.output = {dropped, std::move(bytes)};
        return apply(core::ConsoleReadable{stream()});
    }
    ConsoleBench& taken() { return apply(core::ConsoleInputTaken{stream()}); }
    ConsoleBench& ended(std::size_t inputLost = 0) {
        return apply(core::ConsoleEnded{stream(), inputLost});
    }
    ConsoleBench& log(std::optional<core::ConsoleLog> log) {
        return apply(core::ConsoleLogRead{stream(), std::move(log)});
    }
    ConsoleBench& apply(const core::ConsoleObservation& observation) {
        consoles->apply(observation, now());
        return *this;
    }
    /// The VM stops, and its stream ends.
    ConsoleBench& stop(const std::string& reason = "shutdown") {
        host.on(1, core::Lifecycle::stopped, reason);
        return ended();
    }
    ConsoleBench& start(int domainId) {
        host.start(1, domainId);
        return *this;
    }
};

inline Watcher::Watcher(ConsoleBench& of, core::Principal principal,
                        core::ConsoleViewer::Opening opening)
    : viewer(std::move(opening), std::move(principal), of.terms, of.host.hub, of.host.host.state(),
             *of.consoles, ear),
      bench(of) {}

inline Watcher& Watcher::say(std::string_view text) {
    const auto message = proto::decode(text);
    REQUIRE(message.has_value());
    viewer.handle(*message, bench.now());
    return *this;
}

inline Watcher& Watcher::type(std::string_view bytes) {
    REQUIRE(viewer.handleBytes(bytes, bench.now()));
    return *this;
}

inline std::string gist(const Message& message) {
    const std::string type = message.type();
    if (type == "console_status") {
        std::string text = message.text("data.status");
        if (message.flag("data.writer")) text += ", writer";
        if (!message.isNull("data.writer_user")) text += " " + message.text("data.writer_user");
        if (message.has("data.input_dropped"))
            text += fmt::format(", {} dropped", message.integer("data.input_dropped"));
        return fmt::format("{}, {} here", text, message.integer("data.viewers"));
    }
    if (type == "console_attached")
        return fmt::format("attached {}..{}", message.integer("data.replay_from"),
                           message.integer("data.next_offset"));
    if (type == "console_gap")
        return fmt::format("gap {}..{}", message.integer("data.from"), message.integer("data.to"));
    if (type == "console_marker") return message.text("data.kind");
    if (type == "console_output") return "\"" + message.text("data.output") + "\"";
    if (type == "error") return "error " + message.text("data.code");
    return type;
}

inline Lines Watcher::heard() {
    Lines lines;
    for (const auto& sent : ear.takeSent()) {
        const bool bytes = sent.frame.wire().front() == '\x82';
        std::string line =
            bytes ? "\"" + std::string(sent.frame.payload()) + "\"" : gist(Message(sent.frame));
        if (line == "connection_status" || (line == "gap 0..0" && !tellsOfStart)) continue;
        const bool joins = bytes && !lines.empty() && lines.back().front() == '"';
        if (joins)
            lines.back() = lines.back().substr(0, lines.back().size() - 1) + line.substr(1);
        else
            lines.push_back(std::move(line));
    }
    return lines;
}

}  // namespace rollo::tests
