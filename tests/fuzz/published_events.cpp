// SPDX-License-Identifier: Apache-2.0
#include <variant>

#include "agent/core/publications.hpp"
#include "proto/published.hpp"
#include "tests/fuzz/audience.hpp"
#include "tests/fuzz/fixed_words.hpp"

/// The body of POST /api/v1/events, published twice to an agent with one VM and somebody who hears
/// everything.
namespace rollo::fuzz {
namespace {

const Words sentences{
    "UUID",       "Z",       "T",           "a",           "about",      "agent",     "alert",
    "alone",      "an",      "and",         "array",       "at",         "be",        "before",
    "breaks",     "but",     "bytes",       "cancelled",   "characters", "completed", "control",
    "critical",   "e",       "empty",       "entity_type", "error",      "failed",    "firing",
    "first_seen", "for",     "goes",        "has",         "have",       "here",      "id",
    "if",         "in",      "in_progress", "info",        "integer",    "is",        "item",
    "items",      "known",   "least",       "like",        "line",       "member",    "missing",
    "most",       "must",    "no",          "not",         "number",     "object",    "of",
    "one",        "or",      "pending",     "progress",    "resolved",   "running",   "say",
    "started",    "string",  "tabs",        "that",        "the",        "time",      "vm",
    "vm_uuid",    "warning", "which",       "with",        "does",
};
const Words fields{
    "alert_id",
    "alert_type",
    "bytes_processed",
    "bytes_remaining",
    "bytes_total",
    "count",
    "data",
    "elapsed_ms",
    "entity_id",
    "entity_type",
    "error",
    "eta_ms",
    "first_seen",
    "last_seen",
    "message",
    "operation_id",
    "operation_type",
    "phase",
    "progress_percent",
    "rate_bytes_per_second",
    "severity",
    "state",
    "status",
    "threshold",
    "timestamp",
    "title",
    "type",
    "value",
    "vm_id",
    "vm_uuid",
};
/// What publications refuse for what they know, and not for how it is written.
const Words answers{
    "a",       "about", "agent",     "alert_id",     "alerts",    "alone",        "already",
    "another", "are",   "as",        "at",           "be",        "before",       "by",
    "core",    "else",  "entity_id", "entity_type",  "fire",      "firing",       "for",
    "from",    "gone",  "has",       "host",         "hpp",       "id",           "in",
    "is",      "it",    "kept",      "many",         "may",       "must",         "no",
    "not",     "null",  "of",        "on",           "one",       "operation_id", "operations",
    "or",      "other", "own",       "publications", "published", "publishing",   "s",
    "server",  "some",  "something", "such",         "than",      "that",         "the",
    "there",   "this",  "time",      "to",           "token",     "too",          "under",
    "use",     "VM",    "vm",        "vm_id",        "vm_uuid",   "VMs",          "was",
    "way",     "which", "with",      "you",
};

core::HostState host() {
    core::HostState state;
    state.server.id = 7;
    proto::Uuid uuid;
    uuid.bytes[15] = 1;
    core::Vm& vm = state.vms[uuid];
    vm.info.identity = {1, uuid, "vm1", true};
    vm.info.status = proto::VmStatus::running;
    vm.info.serverId = 7;
    return state;
}

void demandBounds(const proto::Published& published) {
    if (const auto* progress = std::get_if<proto::PublishedProgress>(&published.event)) {
        const auto& told = progress->progress;
        demand(told.percent >= 0 && told.percent <= 100, "a percentage is one");
        demand(isOneLine(told.operationId) && !told.operationId.empty(), "an id is one line");
        return;
    }
    const auto& alert = std::get<proto::PublishedAlert>(published.event);
    demand(isOneLine(alert.alert.id) && !alert.alert.id.empty(), "an id is one line");
    demand(isOneLine(alert.entityType), "a word is one line");
    demand(!alert.count || *alert.count >= 1, "a count counts");
}

}  // namespace
}  // namespace rollo::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace rollo;
    using namespace rollo::fuzz;
    const auto events = proto::decodePublished(textOf(data, size));
    if (!events) {
        demandFixedWords(events.error(), sentences, fields);
        return 0;
    }
    demand(!events->empty() && events->size() <= proto::mostPublished, "as many as there may be");
    for (const auto& each : *events) demandBounds(each);

    core::HostState state = host();
    core::Hub hub("0123456789abcdef");
    hub.setServerId(7);
    core::Operations operations(state, hub);
    core::Alerts alerts(state, hub);
    core::Publications publications(state, operations, alerts);
    Audience audience;
    core::Hub::Member member(audience);
    core::Subscription everything;
    everything.add({});
    hub.join(member, everything, core::Principal::anonymous());
    for (int time = 0; time < 2; ++time) {
        const auto done = publications.publish(*events, core::Principal::publisher(), present());
        if (done) continue;
        const bool known = isMadeOf(answers, done.error().message);
        if (!known) std::fprintf(stderr, "%s\n", done.error().message.c_str());
        demand(known, "a refusal is made of fixed words");
        demand(isMadeOf(fields, done.error().field), "a field is a path of names of the schema");
        demand(done.error().accepted < events->size(), "one was refused");
    }
    hub.leave(member);
    return 0;
}
