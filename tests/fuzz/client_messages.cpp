// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <variant>

#include "agent/core/client.hpp"
#include "tests/fuzz/audience.hpp"
#include "tests/fuzz/fixed_words.hpp"

/// What one client says, one message after the other (a NUL stands between two), to an agent with
/// three VMs, one of which has an event after each.
namespace rollo::fuzz {
namespace {

constexpr std::size_t most = 32;

const Words sentences{
    "a",     "an",     "array",   "at",      "be",      "boolean", "bytes", "empty", "false",
    "for",   "has",    "have",    "here",    "integer", "is",      "items", "JSON",  "known",
    "least", "member", "message", "missing", "most",    "must",    "no",    "not",   "object",
    "of",    "or",     "string",  "that",    "there",   "this",    "true",  "type",
};
const Words fields{
    "cols", "data", "epoch",      "events",   "force",     "history", "id",   "offset", "resume",
    "rows", "seq",  "server_ids", "snapshot", "timestamp", "token",   "type", "vm_ids",
};

void demandBounds(const proto::Filter& filter) {
    demand(!filter.events || filter.events->size() <= 64, "events are few");
    for (const auto* ids : {&filter.vmIds, &filter.serverIds})
        if (*ids)
            for (const auto id : **ids)
                demand(id >= 1 && id < std::int64_t{1} << 53, "ids are exact");
}

void demandBounds(const proto::ClientMessage& message) {
    if (const auto* subscribe = std::get_if<proto::Subscribe>(&message))
        demandBounds(subscribe->filter);
    if (const auto* unsubscribe = std::get_if<proto::Unsubscribe>(&message))
        demandBounds(unsubscribe->filter);
    if (const auto* auth = std::get_if<proto::Authenticate>(&message))
        demand(!auth->token.empty() && auth->token.size() <= 8192, "a token has its length");
    if (const auto* size = std::get_if<proto::ConsoleResize>(&message))
        demand(size->rows >= 1 && size->rows <= 65535 && size->cols >= 1 && size->cols <= 65535,
               "a window has a size");
}

core::HostState host() {
    core::HostState state;
    state.server.id = 7;
    for (unsigned char number = 1; number <= 3; ++number) {
        proto::Uuid uuid;
        uuid.bytes[15] = number;
        core::Vm& vm = state.vms[uuid];
        vm.info.identity = {number, uuid, "vm" + std::to_string(number), true};
        vm.info.status = proto::VmStatus::running;
        vm.info.serverId = 7;
    }
    return state;
}

proto::VmStatusChanged event(const core::HostState& state, bool up) {
    proto::VmStatusChanged event;
    event.vm = state.find(proto::VmId{1})->info.identity;
    event.oldStatus = up ? proto::VmStatus::stopped : proto::VmStatus::running;
    event.newStatus = up ? proto::VmStatus::running : proto::VmStatus::stopped;
    return event;
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo;
    using namespace rollo::fuzz;
    static const core::HostState state = host();
    static const core::Client::Terms terms{.maxRules = 8, .maxIds = 100};
    core::Hub hub("0123456789abcdef");
    hub.setServerId(7);
    Audience audience;
    core::Client client({core::MonitorEndpoint{}, "c1", {}, {}, true}, core::Principal::anonymous(),
                        terms, hub, state, audience);
    client.open(present());
    bool up = false;
    auto texts = split(textOf(data, size), '\0');
    texts.resize(std::min(texts.size(), most));
    for (const auto text : texts) {
        const auto message = proto::decode(text);
        if (message) {
            demandBounds(*message);
            client.handle(*message, present());
        } else {
            demandFixedWords(message.error(), sentences, fields);
            audience.refuse(message.error(), present());
        }
        hub.publish(event(state, up = !up), present());
        if (audience.closed()) return 0;
    }
    client.tick(present());
    return 0;
}
