// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_stream.hpp"

#include <chrono>
#include <utility>

#include "common/log.hpp"

namespace rollo::virt {

ConsoleStream::ConsoleStream(core::StreamId id, const Target& target, const Settings& settings,
                             const std::shared_ptr<EventLoop>& loop,
                             const std::shared_ptr<ConsoleOutlet>& outlet)
    : id_(id),
      since_(std::chrono::steady_clock::now()),
      reader_(std::make_shared<ConsoleReader>(id, settings.consoleStagingBytes, loop, outlet)),
      session_(std::make_shared<ConsoleSession>(id, target, settings, reader_)) {
    post([](ConsoleSession& session) { session.open(); });
}

ConsoleStream::~ConsoleStream() {
    session_->abandon();
    worker_.giveUp();
}

template <class Task>
void ConsoleStream::post(Task task) {
    worker_.post([token = token_, session = session_, task = std::move(task)] {
        if (!session->abandoned()) task(*session);
        if (session->abandoned()) session->close();
    });
}

void ConsoleStream::send(std::string bytes) {
    post([bytes = std::move(bytes)](ConsoleSession& session) { session.send(bytes); });
}

void ConsoleStream::readLog(std::uint64_t from) {
    post([from](ConsoleSession& session) { session.readLog(from); });
}

bool ConsoleStream::gaveUpOpening(common::Monotonic now, std::chrono::nanoseconds limit) {
    if (session_->settled() || now - since_ <= limit || !session_->settle()) return false;
    common::log::warning("libvirt does not open a console: its connection is given up");
    reader_->tellLater(core::ConsoleFailed{id_, core::ConsoleFailure::libvirt, {}});
    return true;
}

void ConsoleStream::beginClose(common::Monotonic now) {
    since_ = now;
    reader_->silence();
    session_->abandon();
    post([](ConsoleSession&) {});
}

Token ConsoleStream::leaveBehind() {
    session_->abandon();
    worker_.giveUp();
    return std::exchange(token_, nullptr);
}

bool ConsoleStream::finish(std::chrono::milliseconds limit) {
    return worker_.finish(limit);
}

}  // namespace rollo::virt
