// SPDX-License-Identifier: Apache-2.0
#include "agent/core/consoles.hpp"

#include <algorithm>
#include <variant>

#include "agent/core/console_viewer.hpp"

namespace rollo::core {

const ConsoleDevice* findDevice(const Vm& vm, const std::optional<std::string>& alias) {
    if (!alias) return vm.consoles.empty() ? nullptr : &vm.consoles.front();
    const auto found = std::ranges::find(vm.consoles, *alias, &ConsoleDevice::alias);
    return found == vm.consoles.end() ? nullptr : &*found;
}

Consoles::Consoles(const ConsoleSettings& settings, const HostState& state, Hypervisor& hypervisor,
                   std::function<void(const ConsoleDeed&)> record)
    : context_{.settings = settings,
               .state = state,
               .hypervisor = hypervisor,
               .record = std::move(record),
               .streams = {},
               .makeRoom = [this](bool hasViewers,
                                  common::Monotonic now) { return makeRoom(hasViewers, now); },
               .figures = {}} {}

void Consoles::reconfigure(const ConsoleSettings& settings, const common::Now& now) {
    context_.settings = settings;
    for (const auto& [key, console] : consoles_) {
        if (!settings.enabled)
            for (ConsoleViewer* viewer : console->viewers())
                viewer->end(proto::farewell::consolesDisabled);
        console->look(now);
    }
}

Console& Consoles::at(const proto::Uuid& vm, const std::string& alias) {
    auto& console = consoles_[{vm, alias}];
    if (!console) console = std::make_unique<Console>(vm, alias, context_);
    return *console;
}

const Console* Consoles::find(const proto::Uuid& vm, const std::string& alias) const {
    const auto found = consoles_.find({vm, alias});
    return found == consoles_.end() ? nullptr : found->second.get();
}

std::size_t Consoles::viewersOf(const std::string& user) const {
    std::size_t count = 0;
    for (const auto& [key, console] : consoles_)
        for (const ConsoleViewer* viewer : console->viewers())
            count += viewer->principal().user == user ? 1 : 0;
    return count;
}

template <class Visit>
void Consoles::ofVm(const proto::Uuid& vm, Visit visit) {
    for (auto each = consoles_.lower_bound({vm, {}});
         each != consoles_.end() && each->first.first == vm; ++each)
        visit(*each->second);
}

void Consoles::apply(const ConsoleObservation& observation, const common::Now& now) {
    const StreamId stream = std::visit([](const auto& each) { return each.stream; }, observation);
    const auto found = context_.streams.find(stream);
    if (found != context_.streams.end()) found->second->take(observation, now);
}

void Consoles::follow(const proto::Event& event, const common::Now& now) {
    if (const auto* changed = std::get_if<proto::VmStatusChanged>(&event)) {
        keepConfigured(changed->vm.uuid);
        ofVm(changed->vm.uuid, [&](Console& console) { console.take(*changed, now); });
    } else if (const auto* updated = std::get_if<proto::VmUpdated>(&event)) {
        keepConfigured(updated->vm.identity.uuid);
        ofVm(updated->vm.identity.uuid, [&](Console& console) { console.vmChanged(now); });
    } else if (const auto* created = std::get_if<proto::VmCreated>(&event)) {
        keepConfigured(created->vm.identity.uuid);
        ofVm(created->vm.identity.uuid, [&](Console& console) { console.vmChanged(now); });
    } else if (std::holds_alternative<proto::ServerStatusChanged>(event)) {
        look(now);
    }
}

void Consoles::look(const common::Now& now) {
    for (const auto& [key, console] : consoles_) console->look(now);
}

void Consoles::tick(const common::Now& now) {
    for (const auto& [uuid, vm] : context_.state.vms) keepConfigured(uuid);
    look(now);
    forgetUnneeded(now);
    boundMemory();
}

void Consoles::keepConfigured(const proto::Uuid& uuid) {
    const Vm* vm = context_.state.find(uuid);
    if (!vm || !context_.settings.enabled) return;
    if (!vm->attachAlways.value_or(context_.settings.attachAlways)) return;
    for (const auto& device : vm->consoles)
        if (device.openable()) at(uuid, device.alias);
}

void Consoles::forgetUnneeded(const common::Now& now) {
    std::erase_if(consoles_, [&](const auto& each) {
        const Console& console = *each.second;
        // Viewers that have been shown out may be there for a moment yet.
        if (!console.viewers().empty()) return false;
        if (console.wanted(now.mono) || console.attached()) return false;
        return console.scrollback().end() == 0 || !context_.state.find(console.vm());
    });
}

/// Of those that nobody watches, the largest gives up its older half first.
void Consoles::boundMemory() {
    std::size_t kept = figures().keptBytes;
    while (kept > context_.settings.totalBytes) {
        Console* largest = nullptr;
        for (const auto& [key, console] : consoles_) {
            if (console->scrollback().size() == 0) continue;
            const bool better =
                !largest || (largest->viewers().empty() == console->viewers().empty()
                                 ? console->scrollback().size() > largest->scrollback().size()
                                 : console->viewers().empty());
            if (better) largest = console.get();
        }
        if (!largest) return;
        const std::size_t before = largest->scrollback().size();
        largest->shrink(before / 2);
        kept -= before - largest->scrollback().size();
    }
}

bool Consoles::makeRoom(bool hasViewers, common::Monotonic now) {
    if (context_.streams.size() < context_.settings.maxAttached) return true;
    if (!hasViewers) return false;
    for (const auto& [stream, console] : context_.streams) {
        if (!console->viewers().empty()) continue;
        console->detach(now);
        return true;
    }
    return false;
}

std::optional<common::Monotonic> Consoles::due(const common::Now& now) const {
    std::optional<common::Monotonic> due;
    for (const auto& [key, console] : consoles_) {
        const auto next = console->due(now);
        if (next && (!due || *next < *due)) due = next;
    }
    return due;
}

Consoles::Figures Consoles::figures() const {
    Figures figures;
    static_cast<ConsoleContext::Figures&>(figures) = context_.figures;
    figures.attached = context_.streams.size();
    for (const auto& [key, console] : consoles_) {
        figures.viewers += console->viewers().size();
        figures.keptBytes += console->scrollback().size();
    }
    return figures;
}

}  // namespace rollo::core
