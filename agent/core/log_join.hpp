// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/core/console_observation.hpp"
#include "common/clock.hpp"

namespace rollo::core {

/// Joins what is known of a device, its log file, and what its stream brings.
///
/// QEMU looks once a second whether somebody reads a pseudo terminal; what the guest prints before
/// is in the log file alone. And a terminal that was read before still has some of what was printed
/// just after its last reader had gone, which the next one gets first. So the file is the truth up
/// to the place where the stream has caught up with it. That place counts only where it is found
/// once, and where all that the stream brought before is in the file as well; else nobody knows
/// what is missing. Until then what the stream brings is held back, for some seconds at most.
/// Thread: main.
class LogJoin {
  public:
    /// A place in a log file.
    struct Place {
        std::uint64_t inode = 0;
        std::uint64_t offset = 0;
    };
    /// What is known before the stream opens.
    struct Known {
        std::string latest;  ///< the latest output, as far as nothing is missing in it
        /// Where that ends in the file, if an earlier stream was joined to it.
        std::optional<Place> end;
        bool nothing = false;      ///< no output has ever been seen
        bool logBegan = false;     ///< the file holds this boot of the guest alone
        bool newTerminal = false;  ///< nobody has read it before
    };
    /// What comes next in the scrollback: first a gap of unknown size, if there is one.
    struct Found {
        bool gap = false;
        std::string bytes;
    };

    /// `log`: the end of the file, as it was when the stream opened.
    LogJoin(const Known& known, std::optional<ConsoleLog> log, common::Monotonic now);

    /// What can be said at once.
    Found takeFirst() { return std::exchange(first_, {}); }
    /// The place is found, or given up: what the stream brings follows.
    bool done() const { return done_; }

    /// Where in the file that ends which was found so far; nothing where nobody knows.
    std::optional<Place> end() const;

    /// What the stream has brought. Not once it is done.
    void hold(std::string_view bytes, common::Monotonic now);
    /// Where the file should be read from now; once for each time. An answer that does not come is
    /// not waited for.
    std::optional<std::uint64_t> wantsLog(common::Monotonic now);
    /// The file from there on; nothing: it is not the same file any more.
    void take(const std::optional<ConsoleLog>& log, common::Monotonic now);
    /// The stream has ended: what the file holds is all there will be.
    void endStream(common::Monotonic now);
    /// Ends it, without a place where none has been found: what was found, and what was held back.
    Found finish();

    /// When `wantsLog` has something to do, if nothing happens before.
    std::optional<common::Monotonic> due() const;

  private:
    /// A read of the file, and how things stood when it was asked for.
    struct Read {
        common::Monotonic at;
        std::size_t held;  ///< bytes
        bool quiet;        ///< nothing had come by the stream for a while
        bool last;         ///< the stream had ended
    };

    void readSoon(common::Monotonic now);
    common::Monotonic lastChance() const;
    bool connected(common::Monotonic at) const;
    bool all(std::string_view log, const Read& read) const;
    std::optional<std::size_t> seam(const Known& known, const ConsoleLog& log) const;
    bool fits(std::string_view log, std::size_t logTo, std::size_t heldTo) const;
    std::optional<std::size_t> place(std::string_view log, std::size_t heldTo) const;
    std::optional<std::size_t> heldToLogsEnd(std::string_view log) const;
    void join(std::string_view log, std::size_t logTo, std::size_t heldTo);
    void giveUp();

    Found first_;
    bool done_ = false;
    std::uint64_t from_ = 0;
    std::uint64_t inode_ = 0;
    std::string before_;  ///< of the file, in front of `from_`
    bool beganWithGap_ = false;
    std::uint64_t end_ = 0;
    bool mayBeOld_ = false;
    std::string held_;
    std::size_t newFrom_ = 0;  ///< from there on it was surely printed since the stream opened
    std::optional<common::Monotonic> heldSince_;
    common::Monotonic lastHeld_{};
    std::optional<std::size_t> sizeSeen_;  ///< of the file, when nothing had come by the stream
    common::Monotonic opened_;
    common::Monotonic readAt_;
    std::optional<Read> reading_;
    bool ended_ = false;
    bool gap_ = false;
};

}  // namespace rollo::core
