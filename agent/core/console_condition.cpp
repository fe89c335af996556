// SPDX-License-Identifier: Apache-2.0
#include "agent/core/console_condition.hpp"

namespace rollo::core {
namespace {

using proto::ConsoleState;

ConsoleCondition conditionAfter(ConsoleFailure failure, bool ousted) {
    switch (failure) {
        case ConsoleFailure::inUse:
            if (ousted) return {ConsoleState::preempted, "another program has taken the device"};
            return {ConsoleState::inUse, "another program has the device"};
        case ConsoleFailure::noSuchDevice:
            return {ConsoleState::closed, "the VM has no such device at present"};
        case ConsoleFailure::notOpenable:
            return {ConsoleState::closed, "libvirt gives no console of this device"};
        case ConsoleFailure::notRunning:
            return {ConsoleState::waitingForVm, "the VM is not running"};
        case ConsoleFailure::denied:
            return {ConsoleState::suspended,
                    "libvirt does not let the agent open consoles; `rollo-agent console enable` "
                    "on the host does"};
        case ConsoleFailure::libvirt:
            break;
    }
    return {ConsoleState::suspended, "libvirt does not give the console; it is tried again"};
}

}  // namespace

ConsoleCondition conditionOf(const ConsoleFacts& facts) {
    if (!facts.vmExists) return {ConsoleState::waitingForVm, "the VM does not exist at present"};
    if (!facts.libvirtConnected) return {ConsoleState::suspended, "libvirt cannot be reached"};
    if (!facts.vmRuns) return {ConsoleState::waitingForVm, "the VM is not running"};
    if (facts.open)
        return {ConsoleState::connected,
                facts.vmTakesInput ? "connected" : "connected; the VM is paused, and input waits"};
    if (!facts.device) return {ConsoleState::closed, "the VM has no such device at present"};
    if (!facts.device->openable())
        return {ConsoleState::closed,
                "libvirt gives a console of pseudo terminals (type='pty') alone"};
    if (facts.full)
        return {ConsoleState::suspended, "as many consoles are attached as this host allows"};
    if (facts.failure) return conditionAfter(*facts.failure, facts.ousted);
    return {ConsoleState::suspended, "attaching"};
}

}  // namespace rollo::core
