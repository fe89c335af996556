// SPDX-License-Identifier: Apache-2.0
#include "agent/core/log_join.hpp"

#include <algorithm>
#include <utility>

namespace rollo::core {
namespace {

using std::chrono::milliseconds;

/// By then QEMU has noticed that somebody reads.
constexpr milliseconds untilQuiet{1500};
constexpr milliseconds betweenReads{50};
/// What was printed at the moment of the read may still be on its way.
constexpr milliseconds onItsWay{300};
/// The file may be written by another process, a little later.
constexpr milliseconds patience{1000};
/// More of the output makes a place that was found twice unique, or it is all the same.
constexpr milliseconds ambiguousFor{300};
constexpr milliseconds longestHeld{2000};
constexpr std::size_t enoughToSearch = 4096;
constexpr std::size_t mostHeld = std::size_t{64} << 10;

/// Where it is found, if that is at one place.
struct Place {
    std::size_t count = 0;  ///< 2 stands for more
    std::size_t at = 0;
};

Place placeOf(std::string_view what, std::string_view text) {
    const auto first = text.find(what);
    if (what.empty() || first == std::string_view::npos) return {};
    const bool again = text.find(what, first + 1) != std::string_view::npos;
    return {again ? std::size_t{2} : std::size_t{1}, first};
}

}  // namespace

LogJoin::LogJoin(const Known& known, std::optional<ConsoleLog> log, common::Monotonic now)
    : opened_(now), readAt_(now + untilQuiet) {
    if (!log) {
        first_.gap = !known.nothing;
        done_ = true;
        return;
    }
    from_ = log->end();
    inode_ = log->inode;
    if (known.nothing || known.logBegan) {
        first_.gap = !known.nothing && log->from > 0;
        first_.bytes = std::move(log->bytes);
        return;
    }
    const std::string_view latest = known.latest;
    const auto searched = latest.substr(latest.size() - std::min(latest.size(), enoughToSearch));
    const Place place = placeOf(searched, log->bytes);
    if (place.count == 1)
        first_.bytes = log->bytes.substr(place.at + searched.size());
    else
        first_.gap = true;
}

void LogJoin::hold(std::string_view bytes, common::Monotonic now) {
    held_ += bytes;
    if (!heldSince_) {
        heldSince_ = now;
        if (!reading_) readAt_ = now;
    }
    if (held_.size() >= mostHeld) giveUp();
}

std::optional<common::Monotonic> LogJoin::due() const {
    if (done_) return std::nullopt;
    if (!heldSince_) return reading_ ? std::nullopt : std::optional(readAt_);
    const auto last = *heldSince_ + longestHeld;
    return reading_ ? last : std::min(readAt_, last);
}

std::optional<std::uint64_t> LogJoin::wantsLog(common::Monotonic now) {
    if (heldSince_ && now - *heldSince_ >= longestHeld) giveUp();
    if (done_ || reading_ || now < readAt_) return std::nullopt;
    reading_ = true;
    return from_;
}

void LogJoin::take(const std::optional<ConsoleLog>& log, common::Monotonic now) {
    reading_ = false;
    if (done_) return;
    if (!log || log->inode != inode_ || log->from != from_) return giveUp();
    if (!held_.empty()) return join(log->bytes, now);
    // Nothing has come by the stream: all that is in the file was missed, unless it is on its way.
    const bool settled = log->bytes.empty() || ended_ || quietSize_ == log->bytes.size();
    if (now - opened_ < untilQuiet && !ended_) {
        readAt_ = opened_ + untilQuiet;
    } else if (settled) {
        missed_ = log->bytes;
        done_ = true;
    } else {
        quietSize_ = log->bytes.size();
        readAt_ = now + onItsWay;
    }
}

void LogJoin::join(std::string_view log, common::Monotonic now) {
    const auto searched = std::string_view(held_).substr(0, enoughToSearch);
    const Place place = placeOf(searched, log);
    if (place.count == 1) {
        missed_ = log.substr(0, place.at);
        done_ = true;
        return;
    }
    const bool longer = searched.size() < enoughToSearch && !ended_;
    const auto limit = place.count == 0 ? patience : ambiguousFor;
    const bool hopeful = place.count == 0 ? !ended_ : longer;
    if (!hopeful || now - *heldSince_ >= limit) return giveUp();
    readAt_ = now + betweenReads;
}

void LogJoin::end(common::Monotonic now) {
    ended_ = true;
    if (!reading_) readAt_ = now;
}

void LogJoin::giveUp() {
    if (done_) return;
    gap_ = true;
    done_ = true;
}

LogJoin::Found LogJoin::finish() {
    giveUp();
    return {gap_, missed_ + std::exchange(held_, {})};
}

}  // namespace rollo::core
