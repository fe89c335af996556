// SPDX-License-Identifier: Apache-2.0
#include "agent/core/publications.hpp"

#include <string_view>
#include <utility>
#include <variant>

#include <fmt/format.h>

namespace rollo::core {
namespace {

using proto::VmIdentity;
using proto::VmNamed;
using Refusal = Publications::Refusal;
using Kind = Publications::Refusal::Kind;
using Done = std::expected<void, Refusal>;

/// One text for ids of the agent and of others: who may not see something does not learn of it.
constexpr auto idIsTaken = "is in use for something else, or kept for the agent's own";

/// What an event is about: a VM; else something else; else the server, or nothing.
struct Subject {
    std::optional<VmIdentity> vm;
    std::optional<proto::OtherEntity> other;
};

bool same(const Subject& left, const Subject& right) {
    if (left.vm || right.vm) return left.vm && right.vm && left.vm->uuid == right.vm->uuid;
    if (!left.other || !right.other) return !left.other && !right.other;
    return left.other->type == right.other->type && left.other->id == right.other->id;
}

bool fits(const VmNamed& named, const VmIdentity& vm) {
    return (!named.id || *named.id == vm.id) && (!named.uuid || *named.uuid == vm.uuid);
}

/// One event on its way: who publishes it, and what was told before under its id.
struct Case {
    const HostState& state;
    const Principal& publisher;
    const std::string& place;
    std::string_view idField;
    std::optional<Subject> before;

    std::unexpected<Refusal> refuse(Kind kind, std::string_view field, std::string message) const {
        return std::unexpected(
            Refusal{kind, fmt::format("{}.{}", place, field), std::move(message)});
    }

    bool mayPublish(const Subject& subject) const {
        return subject.vm ? publisher.mayPublishAbout(*subject.vm) : publisher.mayPublishUntied();
    }

    /// A VM that is gone is still known to what was begun about it.
    std::expected<Subject, Refusal> find(const VmNamed& named, std::string_view byId) const {
        const Vm* known = named.uuid ? state.find(*named.uuid) : state.find(*named.id);
        std::optional<VmIdentity> vm;
        if (known)
            vm = known->info.identity;
        else if (before)
            vm = before->vm;
        if (!vm || !fits(named, *vm) || !publisher.mayPublishAbout(*vm))
            return refuse(Kind::invalid, named.id ? byId : "vm_uuid",
                          "there is no such VM on this host");
        return Subject{std::move(vm), {}};
    }

    /// `continues`: it goes with what was told before. `field`: where the subject is named.
    Done check(const Subject& subject, bool continues, std::string_view field) const {
        if (!mayPublish(subject))
            return refuse(Kind::forbidden, field,
                          "must be of a VM: the token is for publishing about some VMs alone");
        if (!continues || (before && !mayPublish(*before)))
            return refuse(Kind::conflict, idField, idIsTaken);
        return {};
    }
};

std::string tooMany(std::size_t most, std::string_view what) {
    return fmt::format("there are {} published {} already", most, what);
}

std::expected<Subject, Refusal> subjectOf(const proto::PublishedProgress& published,
                                          const Case& context) {
    if (!published.vm.any()) return context.before.value_or(Subject{});
    return context.find(published.vm, "vm_id");
}

std::expected<Subject, Refusal> subjectOf(const proto::PublishedAlert& published,
                                          const Case& context) {
    if (published.entityType == "vm")
        return context.find({published.entityId, published.vmUuid}, "entity_id");
    if (published.entityType != "server")
        return Subject{{}, proto::OtherEntity{published.entityType, published.entityId}};
    if (published.entityId && published.entityId != context.state.server.id)
        return context.refuse(Kind::invalid, "entity_id", "must be the id of this server, or null");
    return Subject{};
}

/// Looks at one event, and hands it on.
struct Handler {
    const HostState& state;
    const Principal& publisher;
    const std::string& place;
    Operations& operations;
    Alerts& alerts;
    const common::Now& now;

    Done operator()(proto::PublishedProgress& published) const {
        proto::Progress& progress = published.progress;
        Case context{state, publisher, place, "operation_id", {}};
        const auto known = state.operations.find(progress.operationId);
        if (known != state.operations.end()) context.before = Subject{known->second.vm, {}};
        auto subject = subjectOf(published, context);
        if (!subject) return std::unexpected(std::move(subject.error()));
        // One that creates a VM begins before it exists.
        const bool continues =
            !context.before || !context.before->vm || same(*context.before, *subject);
        if (auto checked = context.check(*subject, continues, "vm_id"); !checked) return checked;
        progress.vm = std::move(subject->vm);
        const auto told = operations.report(std::move(progress), now);
        if (told) return {};
        return context.refuse(Kind::conflict, context.idField,
                              told.error() == Operations::Refusal::reservedId
                                  ? std::string(idIsTaken)
                                  : tooMany(Operations::mostPublished, "operations under way"));
    }

    Done operator()(proto::PublishedAlert& published) const {
        proto::Alert& alert = published.alert;
        Case context{state, publisher, place, "alert_id", {}};
        if (const proto::Alert* known = alerts.find(alert.id))
            context.before = Subject{known->vm, known->other};
        auto subject = subjectOf(published, context);
        if (!subject) return std::unexpected(std::move(subject.error()));
        const bool continues = !context.before || same(*context.before, *subject);
        if (auto checked = context.check(*subject, continues, "entity_type"); !checked)
            return checked;
        alert.vm = std::move(subject->vm);
        alert.other = std::move(subject->other);
        const auto told = alerts.report(
            {std::move(alert), published.firstSeen, published.lastSeen, published.count}, now);
        if (told) return {};
        return context.refuse(Kind::conflict, context.idField,
                              told.error() == AlertRefusal::ownId
                                  ? std::string(idIsTaken)
                                  : tooMany(Alerts::largestPublished, "alerts that fire"));
    }
};

}  // namespace

std::expected<void, Publications::Refusal> Publications::publish(
    std::vector<proto::Published> events, const Principal& publisher, const common::Now& now) {
    std::size_t accepted = 0;
    for (auto& [place, event] : events) {
        auto done = std::visit(Handler{state_, publisher, place, operations_, alerts_, now}, event);
        if (!done) {
            done.error().accepted = accepted;
            return done;
        }
        ++accepted;
    }
    return {};
}

}  // namespace rollo::core
