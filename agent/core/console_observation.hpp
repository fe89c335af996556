// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proto/ids.hpp"

/// What the hypervisor's side tells of serial consoles. Plain values: they cross threads by move.
namespace rollo::core {

/// One attempt to have a device's stream, from Hypervisor::openConsole to closeConsole. Never used
/// twice, so that whatever a stream that was given up still says is about nobody.
using StreamId = std::uint64_t;

/// The file to which libvirt writes all that a device prints (`<log file= append=>`).
struct ConsoleLogFile {
    std::string path;
    /// False: every start of the guest begins it anew.
    bool append = false;
    bool operator==(const ConsoleLogFile&) const = default;
};

/// A serial line or console of a domain, as its XML has it.
struct ConsoleDevice {
    enum class Kind { serial, virtio, other };
    /// `serial0`, `console1`, …: as libvirt names it, or will when the guest starts.
    std::string alias;
    Kind kind = Kind::serial;
    /// The kind of its host side: `pty`, `unix`, `tcp`, …; only of `pty` libvirt gives a stream.
    std::string backend;
    std::optional<ConsoleLogFile> log;
    bool openable() const { return backend == "pty"; }
    bool operator==(const ConsoleDevice&) const = default;
};

/// A part of a device's log file.
struct ConsoleLog {
    std::string bytes;
    /// Where in the file they begin.
    std::uint64_t from = 0;
    /// Names the file, so that one that was put in its place is told from it.
    std::uint64_t inode = 0;
    std::uint64_t end() const { return from + bytes.size(); }
};

/// The stream is there. `log`: the end of the log file just before it was opened, where there is
/// one that can be read: nothing of that will come by the stream.
struct ConsoleOpened {
    StreamId stream;
    std::optional<ConsoleLog> log;
};

enum class ConsoleFailure {
    inUse,  ///< somebody else has the device
    noSuchDevice,
    notOpenable,  ///< libvirt can give no stream of such a device
    notRunning,
    denied,   ///< libvirt does not let the agent open consoles
    libvirt,  ///< it cannot be reached, does not answer, or failed otherwise
};
/// Nothing of that stream comes any more. Libvirt does not say who has the device, or why a stream
/// ended.
struct ConsoleFailed {
    StreamId stream;
    ConsoleFailure failure;
    /// The end of the log file, as with ConsoleOpened: a guest that is gone has left that.
    std::optional<ConsoleLog> log;
};
struct ConsoleEnded {
    StreamId stream;
    /// Bytes that were handed over and may not have reached the device.
    std::size_t inputLost = 0;
};

/// Output waits: Hypervisor::takeConsoleOutput. Told again only after that was called.
struct ConsoleReadable {
    StreamId stream;
};
/// All that sendConsole was given has gone to libvirt, which has room for more.
struct ConsoleInputTaken {
    StreamId stream;
};
/// The answer to readConsoleLog; nothing: it cannot be read, or is shorter than where that was to
/// begin.
struct ConsoleLogRead {
    StreamId stream;
    std::optional<ConsoleLog> log;
};

using ConsoleObservation = std::variant<ConsoleOpened, ConsoleFailed, ConsoleEnded, ConsoleReadable,
                                        ConsoleInputTaken, ConsoleLogRead>;

/// What a device has printed since it was last asked for.
struct ConsoleOutput {
    /// How much of it was dropped before `bytes`, because nobody took it.
    std::uint64_t dropped = 0;
    std::string bytes;
};

}  // namespace rollo::core
