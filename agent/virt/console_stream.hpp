// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "agent/virt/console_session.hpp"
#include "agent/virt/left_behind.hpp"
#include "common/worker.hpp"

namespace rollo::virt {

/// One attempt to have a device's stream: a worker with a session, which is left behind when a call
/// hangs.
/// Thread: main. Nothing here blocks but `finish`, within its limit.
class ConsoleStream {
  public:
    using Target = ConsoleSession::Target;

    /// Begins to open it.
    ConsoleStream(core::StreamId id, const Target& target, const Settings& settings,
                  const std::shared_ptr<EventLoop>& loop,
                  const std::shared_ptr<ConsoleOutlet>& outlet);
    ~ConsoleStream();
    ConsoleStream(const ConsoleStream&) = delete;
    ConsoleStream& operator=(const ConsoleStream&) = delete;

    void send(std::string bytes);
    core::ConsoleOutput take() { return reader_->take(); }
    void readLog(std::uint64_t from);

    /// Opening has taken longer, and is given up: that is told as a failure.
    bool gaveUpOpening(common::Monotonic now, std::chrono::nanoseconds limit);

    /// Nothing is told any more.
    void beginClose(common::Monotonic now);
    bool closed() const { return worker_.idle(); }
    bool closingFor(common::Monotonic now, std::chrono::nanoseconds time) const {
        return now - since_ > time;
    }

    /// For one that hangs, before it is destroyed. The token is gone when the call has returned.
    Token leaveBehind();
    /// Whether it is closed within the limit; else it is left behind.
    bool finish(std::chrono::milliseconds limit);

  private:
    template <class Task>
    void post(Task task);

    const core::StreamId id_;
    common::Monotonic since_;  ///< it has been opening or closing
    std::shared_ptr<ConsoleReader> reader_;
    std::shared_ptr<ConsoleSession> session_;
    Token token_ = makeToken();
    common::Worker worker_{"virt-console"};
};

}  // namespace rollo::virt
