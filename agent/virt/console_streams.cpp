// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/console_streams.hpp"

#include <algorithm>
#include <utility>

namespace rollo::virt {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

ConsoleStreams::ConsoleStreams(const Settings& settings, std::shared_ptr<EventLoop> loop,
                               std::shared_ptr<ConsoleOutlet> outlet)
    : settings_(settings), loop_(std::move(loop)), outlet_(std::move(outlet)) {}

void ConsoleStreams::open(core::StreamId id, const Target& target) {
    if (stopped_) return;
    leftBehind_.reap();
    if (leftBehind_.size() >= settings_.maxConsolesLeftBehind) {
        loop_->post([outlet = outlet_, id] {
            outlet->tell(core::ConsoleFailed{id, core::ConsoleFailure::libvirt, {}});
        });
        return;
    }
    streams_.emplace(id, std::make_unique<ConsoleStream>(id, target, settings_, loop_, outlet_));
}

void ConsoleStreams::close(core::StreamId id) {
    const auto found = streams_.find(id);
    if (found == streams_.end()) return;
    found->second->beginClose(Clock::now());
    closing_.push_back(std::move(found->second));
    streams_.erase(found);
}

void ConsoleStreams::send(core::StreamId id, std::string bytes) {
    const auto found = streams_.find(id);
    if (found != streams_.end()) found->second->send(std::move(bytes));
}

core::ConsoleOutput ConsoleStreams::take(core::StreamId id) {
    const auto found = streams_.find(id);
    return found == streams_.end() ? core::ConsoleOutput{} : found->second->take();
}

void ConsoleStreams::readLog(core::StreamId id, std::uint64_t from) {
    const auto found = streams_.find(id);
    if (found != streams_.end()) found->second->readLog(from);
}

void ConsoleStreams::tick(common::Monotonic now) {
    leftBehind_.reap();
    std::erase_if(streams_, [&](const auto& entry) {
        if (!entry.second->gaveUpOpening(now, settings_.openDeadline)) return false;
        leave(*entry.second);
        return true;
    });
    std::erase_if(closing_, [&](const auto& stream) {
        if (stream->closed()) return true;
        if (!stream->closingFor(now, settings_.consoleCloseDeadline)) return false;
        leave(*stream);
        return true;
    });
}

void ConsoleStreams::leave(ConsoleStream& stream) {
    ++givenUp_;
    leftBehind_.add(stream.leaveBehind());
}

void ConsoleStreams::beginStop() {
    stopped_ = true;
    while (!streams_.empty()) close(streams_.begin()->first);
}

bool ConsoleStreams::finish(milliseconds limit) {
    const auto end = Clock::now() + limit;
    bool all = true;
    for (const auto& stream : closing_) {
        const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
        all = stream->finish(std::max(left, milliseconds(0))) && all;
    }
    closing_.clear();
    leftBehind_.reap();
    return all && leftBehind_.size() == 0;
}

}  // namespace rollo::virt
