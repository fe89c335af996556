// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/core/console_observation.hpp"
#include "proto/ids.hpp"

namespace rollo::core {

/// What the core asks of libvirt. Every call returns at once; the answers come as observations.
class Hypervisor {
  public:
    virtual ~Hypervisor() = default;

    /// Reads one domain again; answered by DomainDescribed, in order with the events around it.
    virtual void describe(const proto::Uuid& uuid) = 0;
    /// Reads all domains again; answered by ListingBegun and ListingDone.
    virtual void list() = 0;

    struct ConsoleTarget {
        proto::Uuid vm;
        std::string alias;
        std::optional<ConsoleLogFile> log;
        /// Take it from whoever has it (VIR_DOMAIN_CONSOLE_FORCE).
        bool force = false;
    };
    /// Answered by ConsoleOpened or ConsoleFailed.
    virtual void openConsole(StreamId stream, const ConsoleTarget& target) = 0;
    /// Ends it; nothing of that stream is told any more.
    virtual void closeConsole(StreamId stream) = 0;
    /// Hands over what was typed; answered by ConsoleInputTaken, before which nothing more is
    /// given. A guest that does not read lets that wait for as long as it likes.
    virtual void sendConsole(StreamId stream, std::string bytes) = 0;
    virtual ConsoleOutput takeConsoleOutput(StreamId stream) = 0;
    /// Reads the log file of the stream's target from there on, at most 1 MiB; answered by
    /// ConsoleLogRead.
    virtual void readConsoleLog(StreamId stream, std::uint64_t from) = 0;
};

}  // namespace rollo::core
