// SPDX-License-Identifier: Apache-2.0
#include "agent/core/endpoint.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace rollo::core {
namespace {

std::optional<std::int64_t> wholeNumber(const std::string& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

bool looksLikeNumber(const std::string& text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::optional<VmScope> vmNamedBy(const std::string& text) {
    if (text.empty()) return std::nullopt;
    if (looksLikeNumber(text)) {
        const auto id = wholeNumber(text);
        return id ? std::optional<VmScope>(proto::VmId{*id}) : std::nullopt;
    }
    if (const auto uuid = proto::Uuid::parse(text)) return *uuid;
    return text;
}

const Vm* findVm(const HostState& state, const std::string& text, const Principal& principal) {
    const auto named = vmNamedBy(text);
    if (!named) return nullptr;
    const Vm* vm = std::visit([&](const auto& each) { return state.find(each); }, *named);
    return vm && principal.mayView(vm->info.identity) ? vm : nullptr;
}

OpenedEndpoint::OpenedEndpoint(EventEndpoint endpoint, const HostState& state,
                               const Principal& principal)
    : endpoint_(std::move(endpoint)) {
    if (const auto* named = std::get_if<VmEndpoint>(&endpoint_))
        if (const Vm* vm = findVm(state, named->vm, principal)) vm_ = vm->info.identity.uuid;
}

std::optional<proto::Farewell> OpenedEndpoint::refusal(const HostState& state,
                                                       const Principal& principal) const {
    if (const auto* named = std::get_if<ServerEndpoint>(&endpoint_)) {
        if (!principal.mayViewServer()) return proto::farewell::permissionDenied;
        const auto id = wholeNumber(named->server);
        if (named->server != "self" && (!id || id != state.server.id))
            return proto::farewell::notFound;
        return std::nullopt;
    }
    if (!principal.permissions.has(Permission::vmView)) return proto::farewell::permissionDenied;
    if (std::holds_alternative<VmEndpoint>(endpoint_) && !vm_) return proto::farewell::notFound;
    return std::nullopt;
}

bool OpenedEndpoint::startsSubscribed() const {
    return !std::holds_alternative<MonitorEndpoint>(endpoint_);
}

Rule OpenedEndpoint::rule() const {
    Rule rule;
    if (const auto* named = std::get_if<VmEndpoint>(&endpoint_)) {
        if (looksLikeNumber(named->vm))
            rule.vmIds = {*wholeNumber(named->vm)};
        else
            rule.boundTo = vm_;
    } else if (startsSubscribed()) {
        // The server itself, and none of its VMs.
        rule.vmIds.emplace();
        rule.ownServer = true;
    } else {
        rule.kinds.emplace();
        rule.kinds->add(proto::EventKind::progress);
        rule.kinds->add(proto::EventKind::alert);
    }
    return rule;
}

std::string OpenedEndpoint::room(const HostState& state) const {
    if (vm_) {
        const Vm* vm = state.find(*vm_);
        return "vm:" + (vm ? std::to_string(vm->info.identity.id) : vm_->toString());
    }
    if (startsSubscribed())
        return "server:" + (state.server.id ? std::to_string(*state.server.id) : "self");
    return "monitor";
}

}  // namespace rollo::core
