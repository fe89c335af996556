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
/// is in the log file alone. When a stream opens, the file up to there will not come by the stream;
/// what follows in the file begins with what is missing and goes on with what the stream brings.
/// Both seams are searched for: only where the overlap is found exactly once it is known what
/// belongs between. Until then what the stream brings is held back, for two seconds at most.
/// Thread: main.
class LogJoin {
  public:
    /// What is known before the stream opens.
    struct Known {
        std::string latest;     ///< the latest output, as far as nothing is missing in it
        bool nothing = false;   ///< no output has ever been seen, so that none can be missing
        bool logBegan = false;  ///< the file holds this boot of the guest alone
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
    /// Both seams are found, or given up: what the stream brings follows.
    bool done() const { return done_; }

    /// What the stream has brought. Not once it is done.
    void hold(std::string_view bytes, common::Monotonic now);
    /// Where the file should be read from now; once for each time. An answer that does not come is
    /// not waited for.
    std::optional<std::uint64_t> wantsLog(common::Monotonic now);
    /// The file from there on; nothing: it is not the same file any more.
    void take(const std::optional<ConsoleLog>& log, common::Monotonic now);
    /// The stream has ended: what the file holds is all there will be.
    void end(common::Monotonic now);
    /// Ends it, without a seam where none has been found: what was found, and what was held back.
    Found finish();

    /// When `wantsLog` has something to do, if nothing happens before.
    std::optional<common::Monotonic> due() const;

  private:
    void join(std::string_view log, common::Monotonic now);
    void giveUp();

    Found first_;
    bool done_ = false;
    std::uint64_t from_ = 0;
    std::uint64_t inode_ = 0;
    std::string held_;
    std::optional<common::Monotonic> heldSince_;
    std::optional<std::size_t> quietSize_;  ///< of the file, when nothing had come by the stream
    common::Monotonic opened_;
    common::Monotonic readAt_;
    bool reading_ = false;
    bool ended_ = false;
    bool gap_ = false;
    std::string missed_;
};

}  // namespace rollo::core
