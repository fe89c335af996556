// SPDX-License-Identifier: Apache-2.0
#include "agent/core/console_viewer.hpp"

#include <algorithm>
#include <utility>

#include "agent/core/consoles.hpp"
#include "agent/core/endpoint.hpp"
#include "proto/codec.hpp"

namespace rollo::core {
namespace {

using proto::ErrorCode;

/// A device that libvirt is slow to give is shown as it is, rather than nothing.
constexpr std::chrono::milliseconds waitForFirst{2000};

std::string_view wordOf(Scrollback::Mark::Kind kind) {
    switch (kind) {
        case Scrollback::Mark::Kind::started:
            return "started";
        case Scrollback::Mark::Kind::reboot:
            return "reboot";
        case Scrollback::Mark::Kind::stopped:
            return "stopped";
        case Scrollback::Mark::Kind::gap:
            break;
    }
    return "gap";
}

}  // namespace

ConsoleViewer::ConsoleViewer(Opening opening, Principal principal, Lasting<Terms> terms,
                             const Hub& hub, const HostState& state, Consoles& consoles,
                             Subscriber& subscriber)
    : Conversation(opening.connectionId, std::move(principal), terms, hub, state, subscriber),
      opening_(std::move(opening)),
      consoles_(consoles),
      epoch_(hub.epoch()) {
    const Vm* vm = findVm(state, opening_.vm, this->principal());
    if (!vm) return;
    const ConsoleDevice* device = findDevice(*vm, opening_.device);
    if (!device) return;
    vm_ = vm->info.identity.uuid;
    alias_ = device->alias;
}

ConsoleViewer::~ConsoleViewer() {
    if (console_) console_->leave(*this, lastNow_);
}

std::optional<proto::Farewell> ConsoleViewer::refusal() const {
    const auto& permissions = principal().permissions;
    if (!permissions.has(Permission::consoleRead) || !permissions.has(Permission::vmView))
        return proto::farewell::permissionDenied;
    if (opening_.forceDevice && !permissions.has(Permission::consoleForce))
        return proto::farewell::permissionDenied;
    if (!consoles_.settings().enabled) return proto::farewell::consolesDisabled;
    if (!vm_) return proto::farewell::notFound;
    const Vm* vm = state().find(*vm_);
    if (vm && !principal().mayView(vm->info.identity)) return proto::farewell::permissionDenied;
    return std::nullopt;
}

bool ConsoleViewer::isOneTooMany() const {
    const auto& user = principal().user;
    return user && consoles_.viewersOf(*user) >= consoles_.settings().maxPerUser;
}

std::string ConsoleViewer::room() const {
    const Vm* vm = vm_ ? state().find(*vm_) : nullptr;
    return "console:" + (vm ? std::to_string(vm->info.identity.id) : opening_.vm);
}

bool ConsoleViewer::mayWrite() const {
    return !opening_.readOnly && principal().permissions.has(Permission::consoleWrite);
}

void ConsoleViewer::begin(const common::Now& now) {
    lastNow_ = now;
    startBy_ = now.mono + waitForFirst;
    console_ = &consoles_.at(*vm_, alias_);
    console_->join(*this, opening_.forceDevice, now);
    pull(now);
}

// --- output --------------------------------------------------------------------------------------

Scrollback::Offset ConsoleViewer::startOffset() const {
    const Scrollback& scrollback = console_->scrollback();
    const bool sameEpoch = !opening_.epoch || *opening_.epoch == epoch_;
    if (opening_.from && sameEpoch && *opening_.from <= scrollback.end()) return *opening_.from;
    if (!opening_.tail) return scrollback.begin();
    const auto tail = std::min<Scrollback::Offset>(*opening_.tail, scrollback.end());
    return std::max(scrollback.begin(), scrollback.end() - tail);
}

void ConsoleViewer::start(const common::Now& now) {
    started_ = true;
    startBy_.reset();
    const Scrollback& scrollback = console_->scrollback();
    cursor_ = scrollback.at(startOffset());
    const auto status = console_->status(this);
    say(status, now);
    say(proto::ConsoleAttached{status.bootId, scrollback.bootBegin(), cursor_.offset,
                               scrollback.end(), status.writer, status.viewers},
        now);
}

void ConsoleViewer::tellStatus(const proto::Frame& status) {
    if (started_) subscriber().send(status);
}

bool ConsoleViewer::hasRoom() {
    const std::size_t window = consoles_.settings().viewerWindowBytes;
    if (drawn_ && cursor_.offset - *drawn_ >= window) return false;
    return subscriber().outputWaiting() < window;
}

void ConsoleViewer::pull(const common::Now& now) {
    lastNow_ = now;
    if (!console_) return;
    if (!started_) {
        if (!console_->ready() && startBy_ && now.mono < *startBy_) return;
        start(now);
    }
    while (hasRoom()) {
        if (const auto mark = console_->scrollback().takeMark(cursor_)) {
            if (drawn_) *drawn_ += mark->to - mark->from;  // there is nothing to draw
            tellMark(*mark, now);
            continue;
        }
        const auto form = opening_.binary ? Console::Form::binary : Console::Form::text;
        const auto output = console_->output(cursor_, form, now);
        if (!output) return;
        subscriber().sendOutput(output->frame);
        cursor_.offset = output->next;
    }
}

void ConsoleViewer::tellMark(const Scrollback::Mark& mark, const common::Now& now) {
    if (mark.kind == Scrollback::Mark::Kind::gap)
        return say(proto::ConsoleGap{mark.from, mark.to, mark.approximate}, now);
    say(proto::ConsoleMarker{wordOf(mark.kind), mark.from, mark.bootId}, now);
}

// --- input ---------------------------------------------------------------------------------------

void ConsoleViewer::handle(const proto::ClientMessage& message, const common::Now& now) {
    lastNow_ = now;
    std::visit([&](const auto& each) { on(each, now); }, message);
}

bool ConsoleViewer::handleBytes(std::string_view bytes, const common::Now& now) {
    lastNow_ = now;
    if (!opening_.binary) return false;
    type(bytes, "console_input", now);
    return true;
}

/// Not counted as a mistake: whoever types does not see at once that somebody else does.
void ConsoleViewer::tell(ErrorCode code, std::string message, std::string_view request,
                         const common::Now& now) {
    subscriber().tell({code, std::move(message), request, {}}, now);
}

void ConsoleViewer::type(std::string_view bytes, std::string_view request, const common::Now& now) {
    if (bytes.empty()) return;
    if (!mayWrite())
        return tell(ErrorCode::permissionDenied, "this connection may only read", request, now);
    if (!console_->mayType())
        return tell(ErrorCode::consoleNotConnected,
                    "the console is not connected; the input was discarded", request, now);
    if (!console_->acquire(*this, false, now))
        return tell(ErrorCode::consoleBusy, "somebody else is writing; the input was discarded",
                    request, now);
    console_->type(*this, bytes, now);
}

void ConsoleViewer::on(const proto::ConsoleInput& message, const common::Now& now) {
    type(message.text, "console_input", now);
}

void ConsoleViewer::on(const proto::ConsoleResize&, const common::Now& now) {
    if (std::exchange(toldOfSize_, true)) return;
    auto status = console_->status(this);
    status.message += "; a serial line has no window size";
    say(status, now);
}

void ConsoleViewer::on(const proto::ConsoleAcquire& message, const common::Now& now) {
    const bool mayForce = principal().permissions.has(Permission::consoleForce);
    if (!mayWrite() || (message.force && !mayForce))
        return tell(ErrorCode::permissionDenied,
                    mayWrite() ? "taking the lease from somebody needs console:force"
                               : "this connection may only read",
                    "console_acquire", now);
    if (console_->lease().heldBy(*this)) return say(console_->status(this), now);
    if (!console_->acquire(*this, message.force, now))
        tell(ErrorCode::consoleBusy, "somebody else is writing", "console_acquire", now);
}

void ConsoleViewer::on(const proto::ConsoleRelease&, const common::Now& now) {
    if (console_->lease().heldBy(*this)) return console_->release(*this, now);
    say(console_->status(this), now);
}

void ConsoleViewer::on(const proto::ConsoleAck& message, const common::Now& now) {
    drawn_ = std::max(drawn_.value_or(0), std::min(message.offset, cursor_.offset));
    pull(now);
}

void ConsoleViewer::on(const proto::ConsoleBreak&, const common::Now& now) {
    refuse(ErrorCode::unsupported, "libvirt cannot send a break", "console_break", now);
}

void ConsoleViewer::on(const proto::Ping&, const common::Now& now) {
    answerPing(now);
}

template <class EventMessage>
void ConsoleViewer::on(const EventMessage& message, const common::Now& now) {
    refuse(ErrorCode::unsupported, "this endpoint has a console and no events",
           proto::wireName(proto::ClientMessage(message)), now);
}

// --- rights and time -----------------------------------------------------------------------------

void ConsoleViewer::rightsChanged(const Principal&, const common::Now& now) {
    if (console_ && !mayWrite() && console_->lease().heldBy(*this)) console_->release(*this, now);
}

void ConsoleViewer::recheck() {
    const Vm* vm = state().find(*vm_);
    if (vm && !principal().mayView(vm->info.identity)) end(proto::farewell::permissionDenied);
}

void ConsoleViewer::tick(const common::Now& now) {
    Conversation::tick(now);
    pull(now);
}

}  // namespace rollo::core
