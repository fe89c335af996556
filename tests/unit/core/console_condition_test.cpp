// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <fmt/format.h>

#include "agent/core/console_condition.hpp"

namespace rollo::core {
namespace {

const ConsoleDevice terminal{"serial0", ConsoleDevice::Kind::serial, "pty", {}};
const ConsoleDevice socket{"serial0", ConsoleDevice::Kind::serial, "unix", {}};

ConsoleFacts attaching() {
    return {.libvirtConnected = true,
            .vmExists = true,
            .vmRuns = true,
            .vmTakesInput = true,
            .device = &terminal};
}

std::string told(const ConsoleFacts& facts) {
    const ConsoleCondition condition = conditionOf(facts);
    return fmt::format("{}: {}", proto::word(condition.state), condition.message);
}

TEST_CASE("what is missing first is told, and nothing beneath it") {
    ConsoleFacts facts{.device = &socket, .full = true, .failure = ConsoleFailure::inUse};
    CHECK(told(facts) == "waiting_for_vm: the VM does not exist at present");
    facts.vmExists = true;
    CHECK(told(facts) == "suspended: libvirt cannot be reached");
    facts.libvirtConnected = true;
    CHECK(told(facts) == "waiting_for_vm: the VM is not running");
    facts.vmRuns = true;
    CHECK(told(facts) == "closed: libvirt gives a console of pseudo terminals (type='pty') alone");
    facts.device = nullptr;
    CHECK(told(facts) == "closed: the VM has no such device at present");
    facts.device = &terminal;
    CHECK(told(facts) == "suspended: as many consoles are attached as this host allows");
    facts.full = false;
    CHECK(told(facts) == "in_use: another program has the device");
    facts.failure.reset();
    CHECK(told(facts) == "suspended: attaching");
    facts.open = true;
    CHECK(told(facts) == "connected: connected; the VM is paused, and input waits");
    facts.vmTakesInput = true;
    CHECK(told(facts) == "connected: connected");
}

TEST_CASE("why the last attempt failed") {
    const auto after = [](ConsoleFailure failure, bool ousted = false) {
        ConsoleFacts facts = attaching();
        facts.failure = failure;
        facts.ousted = ousted;
        return told(facts);
    };
    CHECK(after(ConsoleFailure::inUse) == "in_use: another program has the device");
    CHECK(after(ConsoleFailure::inUse, true) == "preempted: another program has taken the device");
    CHECK(after(ConsoleFailure::noSuchDevice) == "closed: the VM has no such device at present");
    CHECK(after(ConsoleFailure::notOpenable) == "closed: libvirt gives no console of this device");
    CHECK(after(ConsoleFailure::notRunning) == "waiting_for_vm: the VM is not running");
    CHECK(after(ConsoleFailure::denied) ==
          "suspended: libvirt does not let the agent open consoles; `rollo-agent console enable` "
          "on the host does");
    CHECK(after(ConsoleFailure::libvirt) ==
          "suspended: libvirt does not give the console; it is tried again");
}

}  // namespace
}  // namespace rollo::core
