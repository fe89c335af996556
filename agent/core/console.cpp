// SPDX-License-Identifier: Apache-2.0
#include "agent/core/console.hpp"

#include <algorithm>
#include <utility>

#include "agent/core/console_viewer.hpp"
#include "agent/core/lifecycle.hpp"
#include "common/utf8.hpp"
#include "proto/codec.hpp"

namespace rollo::core {
namespace {

using proto::ConsoleState;

/// Of one message of output.
constexpr std::size_t pieceBytes = std::size_t{64} << 10;

}  // namespace

Console::Console(proto::Uuid vm, std::string alias, ConsoleContext& context)
    : vm_(vm),
      alias_(std::move(alias)),
      context_(context),
      scrollback_(context.settings.scrollback),
      attachment_(*this, vm_, alias_, context_, scrollback_),
      told_(attachment_.condition()) {}

proto::ConsoleStatus Console::status(const ConsoleViewer* viewer) const {
    const auto condition = attachment_.condition();
    const Vm* vm = context_.state.find(vm_);
    proto::ConsoleStatus status;
    status.vmId = vm ? vm->info.identity.id : lastId_;
    status.state = condition.state;
    status.message = condition.message;
    status.writer = viewer && lease_.heldBy(*viewer);
    if (lease_.holder()) status.writerUser = lease_.holder()->principal().user.value_or("");
    status.viewers = viewers_.size();
    if (vm) status.bootId = vm->info.bootId;
    status.device = alias_;
    status.inputDropped = inputDropped_;
    return status;
}

// --- viewers -------------------------------------------------------------------------------------

void Console::join(ConsoleViewer& viewer, bool forceDevice, const common::Now& now) {
    viewers_.push_back(&viewer);
    record("attached", viewer);
    if (forceDevice) record("takes the device by force", viewer);
    attachment_.hurry(forceDevice, now.mono);
    tellAll(now);
    look(now);
}

void Console::leave(ConsoleViewer& viewer, const common::Now& now) {
    if (std::erase(viewers_, &viewer) == 0) return;
    std::erase(held_, &viewer);
    lastViewer_ = now.mono;
    const bool wrote = lease_.heldBy(viewer);
    if (wrote) lease_.end();
    record(wrote ? "detached, and writes no more" : "detached", viewer);
    if (viewers_.empty()) {
        shared_[0] = shared_[1] = std::nullopt;
        attachment_.forgetForce();
    }
    tellAll(now);
}

bool Console::acquire(ConsoleViewer& viewer, bool force, const common::Now& now) {
    if (lease_.heldBy(viewer)) {
        lease_.use(now.mono);
        return true;
    }
    if (lease_.holder() && !force) return false;
    record(lease_.holder() ? "writes, by force" : "writes", viewer);
    lease_.give(viewer, now.mono);
    tellAll(now);
    return true;
}

void Console::release(ConsoleViewer& viewer, const common::Now& now) {
    if (lease_.heldBy(viewer)) {
        lease_.end();
        record("writes no more", viewer);
    }
    tellAll(now);
}

void Console::type(ConsoleViewer& viewer, std::string_view bytes, const common::Now& now) {
    lease_.use(now.mono);
    input_.push(bytes);
    if (input_.size() >= context_.settings.inputQueueBytes &&
        std::ranges::find(held_, &viewer) == held_.end()) {
        held_.push_back(&viewer);
        viewer.hold(true);
    }
    pump(now);
}

void Console::pump(const common::Now& now) {
    while (attachment_.takesInput()) {
        auto piece = input_.take(context_.settings.input, now.mono);
        if (!piece) break;
        attachment_.send(std::move(*piece));
    }
    listenAgain();
}

void Console::listenAgain() {
    if (held_.empty() || input_.size() > context_.settings.inputQueueBytes / 2) return;
    for (ConsoleViewer* viewer : std::exchange(held_, {})) viewer->hold(false);
}

void Console::dropInput(std::size_t bytes) {
    inputDropped_ += bytes;
    context_.figures.inputDropped += bytes;
}

// --- what is told --------------------------------------------------------------------------------

std::optional<Console::Output> Console::output(const Scrollback::Cursor& cursor, Form form,
                                               const common::Now& now) {
    auto& shared = shared_[form == Form::text ? 1 : 0];
    if (shared && shared->from == cursor.offset) return shared->output;
    auto made = form == Form::text ? text(cursor, now) : binary(cursor);
    if (made) shared = Shared{cursor.offset, *made};
    return made;
}

std::optional<Console::Output> Console::binary(const Scrollback::Cursor& cursor) const {
    const std::string bytes = scrollback_.read(cursor, pieceBytes);
    if (bytes.empty()) return std::nullopt;
    return Output{proto::Frame::binary(bytes), cursor.offset + bytes.size()};
}

/// A character that is not complete waits for its rest, unless none can come.
std::optional<Console::Output> Console::text(const Scrollback::Cursor& cursor,
                                             const common::Now& now) const {
    std::string bytes = scrollback_.read(cursor, pieceBytes);
    if (bytes.empty()) return std::nullopt;
    Scrollback::Cursor after{cursor.offset + bytes.size(), cursor.mark};
    const bool rest = attachment_.present() && !scrollback_.takeMark(after);
    if (rest) bytes.resize(bytes.size() - common::incompleteEnd(bytes));
    if (bytes.empty()) return std::nullopt;
    const proto::ConsoleText text{status(nullptr).vmId, common::toUtf8(bytes)};
    return Output{proto::encode(proto::AgentMessage(text), now), cursor.offset + bytes.size()};
}

void Console::serve(const common::Now& now) {
    for (ConsoleViewer* viewer : viewers_) viewer->pull(now);
}

void Console::announce(const common::Now& now) {
    const auto condition = attachment_.condition();
    if (inputDropped_ == 0 && (condition == told_ || attachment_.undecided(now.mono))) return;
    told_ = condition;
    tellAll(now);
}

void Console::tellAll(const common::Now& now) {
    std::optional<proto::Frame> shared;
    for (ConsoleViewer* viewer : viewers_) {
        const auto status = this->status(viewer);
        if (status.writer) {
            viewer->tellStatus(proto::encode(proto::AgentMessage(status), now));
        } else {
            if (!shared) shared = proto::encode(proto::AgentMessage(status), now);
            viewer->tellStatus(*shared);
        }
    }
}

// --- what happens --------------------------------------------------------------------------------

void Console::take(const proto::VmStatusChanged& event, const common::Now& now) {
    const bool ran = hasProcess(event.oldStatus);
    const bool runs = hasProcess(event.newStatus);
    if (!ran && runs) {
        migrated_ = false;
        attachment_.vmStarts(event.bootId, now.mono);
    } else if (ran && !runs) {
        migrated_ = event.reason == "migrated";
        attachment_.vmStops(event.bootId, wanted(now.mono), now.mono);
    } else if (event.reason == "reboot") {
        attachment_.vmReboots(event.bootId);
    }
    look(now);
}

void Console::vmChanged(const common::Now& now) {
    shared_[1].reset();  // the id stands in it
    for (ConsoleViewer* viewer : viewers_) viewer->recheck();
    look(now);
}

void Console::take(const ConsoleObservation& observation, const common::Now& now) {
    attachment_.take(observation, now.mono);
    // Whoever has the device may keep it for long: what was typed must not come when nobody
    // expects it any more.
    const auto* failed = std::get_if<ConsoleFailed>(&observation);
    if (failed && failed->failure != ConsoleFailure::libvirt) dropInput(input_.clear());
    look(now);
}

void Console::look(const common::Now& now) {
    if (const Vm* vm = context_.state.find(vm_)) lastId_ = vm->info.identity.id;
    if (lease_.lapsed(context_.settings.leaseIdle, now.mono)) {
        record("writes no more: idle", *lease_.holder());
        lease_.end();
        tellAll(now);
    }
    attachment_.look(wanted(now.mono), !viewers_.empty(), now.mono);
    dropInput(attachment_.takeInputLost());
    const bool stopped = attachment_.takeStopped();
    if (stopped) dropInput(input_.clear());
    pump(now);
    announce(now);
    serve(now);
    inputDropped_ = 0;
    if (stopped && migrated_)
        for (ConsoleViewer* viewer : viewers_) viewer->end(proto::farewell::migrated);
}

std::optional<common::Monotonic> Console::due(const common::Now& now) const {
    auto due = attachment_.due(wanted(now.mono));
    if (input_.size() > 0 && attachment_.takesInput()) {
        const auto next = now.mono + input_.wait(context_.settings.input, now.mono);
        due = due ? std::min(*due, next) : next;
    }
    return due;
}

bool Console::always() const {
    const Vm* vm = context_.state.find(vm_);
    return vm && vm->attachAlways.value_or(context_.settings.attachAlways);
}

bool Console::wanted(common::Monotonic now) const {
    const bool lately =
        lastViewer_ != common::Monotonic{} && now - lastViewer_ < context_.settings.linger;
    return context_.settings.enabled && (!viewers_.empty() || lately || always());
}

void Console::detach(common::Monotonic now) {
    lastViewer_ = {};
    attachment_.close(now);
}

void Console::record(std::string_view what, const ConsoleViewer& viewer) {
    if (!context_.record) return;
    const Vm* vm = context_.state.find(vm_);
    context_.record({what, viewer.principal().user.value_or(""), viewer.address(),
                     viewer.connection(), vm ? vm->info.identity.name : vm_.toString(), vm_,
                     alias_});
}

}  // namespace rollo::core
