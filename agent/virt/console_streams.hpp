// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/virt/console_stream.hpp"

namespace rollo::virt {

/// The streams of all consoles that are open, or being opened or closed. Those that hang are left
/// behind; while there are too many of these, none is opened.
/// Thread: main. Nothing here blocks but `finish`, within its limit.
class ConsoleStreams {
  public:
    using Target = ConsoleStream::Target;

    ConsoleStreams(const Settings& settings, std::shared_ptr<EventLoop> loop,
                   std::shared_ptr<ConsoleOutlet> outlet);

    /// As the port's members of these names say. A stream that is not there is none of anybody's.
    void open(core::StreamId id, const Target& target);
    void close(core::StreamId id);
    void send(core::StreamId id, std::string bytes);
    core::ConsoleOutput take(core::StreamId id);
    void readLog(core::StreamId id, std::uint64_t from);

    /// Deadlines; forgets what has closed or has come back.
    void tick(common::Monotonic now);

    /// From openConsole to closeConsole, whatever became of them.
    std::size_t open() const { return streams_.size(); }
    std::size_t leftBehind() const { return leftBehind_.size(); }
    /// So many have been left behind since the start.
    std::uint64_t givenUp() const { return givenUp_; }

    /// Begins to close all; nothing is opened any more.
    void beginStop();
    /// Whether all closed within the limit, and none is left behind.
    bool finish(std::chrono::milliseconds limit);

  private:
    void leave(ConsoleStream& stream);

    Settings settings_;
    std::shared_ptr<EventLoop> loop_;
    std::shared_ptr<ConsoleOutlet> outlet_;
    std::map<core::StreamId, std::unique_ptr<ConsoleStream>> streams_;
    std::vector<std::unique_ptr<ConsoleStream>> closing_;
    LeftBehind leftBehind_;
    std::uint64_t givenUp_ = 0;
    bool stopped_ = false;
};

}  // namespace rollo::virt
