// SPDX-License-Identifier: Apache-2.0
#include "agent/core/log_join.hpp"

#include <algorithm>
#include <iterator>

namespace rollo::core {
namespace {

using std::chrono::milliseconds;

/// QEMU looks once a second whether the terminal is read.
constexpr milliseconds untilConnected{1100};
/// A guest that has printed nothing by then is silent.
constexpr milliseconds untilSilent{1500};
constexpr milliseconds betweenReads{100};
/// What the guest prints in one go has come by then, and stands in the file.
constexpr milliseconds quiet{100};
/// What was printed at the moment of the read may still be on its way.
constexpr milliseconds onItsWay{300};
constexpr milliseconds patience{2000};
constexpr std::size_t enoughToKnow = 4096;  ///< of what was known before
constexpr std::size_t enoughToSearch = 64;  ///< less may be found by chance
constexpr std::size_t mostPlaces = 64;
constexpr std::size_t mostUnwritten = 64;
constexpr std::size_t mostDoubled = 64;
constexpr std::size_t mostHeld = std::size_t{1} << 20;

/// Behind where that stands in the text, if there is one such place alone that fits.
template <typename Fits>
std::optional<std::size_t> behindOnly(std::string_view what, std::string_view text, Fits fits) {
    std::optional<std::size_t> found;
    std::size_t tried = 0;
    for (auto at = what.empty() ? std::string_view::npos : text.find(what);
         at != std::string_view::npos; at = text.find(what, at + 1)) {
        if (++tried > mostPlaces) return std::nullopt;
        if (!fits(at + what.size())) continue;
        if (found) return std::nullopt;
        found = at + what.size();
    }
    return found;
}

/// How much of what was printed the file ends with. QEMU writes a byte into the file, but not to
/// the terminal, as often as it had to wait for the terminal to take it.
std::size_t commonEnd(std::string_view printed, std::string_view log) {
    std::size_t same = 0;
    for (auto at = log.rbegin(); at != log.rend() && same < printed.size(); ++at) {
        const bool doubled = at != log.rbegin() && *at == *std::prev(at);
        if (*at == printed[printed.size() - same - 1])
            ++same;
        else if (!doubled)
            break;
    }
    return same;
}

}  // namespace

LogJoin::LogJoin(const Known& known, std::optional<ConsoleLog> log, common::Monotonic now)
    : mayBeOld_(!known.newTerminal), opened_(now), readAt_(now + untilSilent) {
    if (!log) {
        first_.gap = true;
        done_ = true;
        return;
    }
    from_ = log->end();
    inode_ = log->inode;
    if (known.nothing || known.logBegan) {
        first_.gap = !known.nothing && log->from > 0;
        first_.bytes = log->bytes;
    } else if (const auto end = seam(known, *log)) {
        first_.bytes = log->bytes.substr(*end);
    } else {
        first_.gap = true;
    }
    beganWithGap_ = first_.gap;
    before_ = std::move(log->bytes);
}

/// Behind what was known: where it has to be, if that can be told, or else at the one place where
/// it is found.
std::optional<std::size_t> LogJoin::seam(const Known& known, const ConsoleLog& log) const {
    const auto lastOf = [](std::string_view text, std::size_t size) {
        return text.substr(text.size() - std::min(text.size(), size));
    };
    const std::string_view text = log.bytes;
    const std::string_view latest = lastOf(known.latest, enoughToKnow);
    const auto fits = [&](std::size_t to) {
        return commonEnd(latest, text.substr(0, to)) == latest.size();
    };
    const auto& end = known.end;
    if (end && end->inode == log.inode && end->offset >= log.from) {
        // A process that was killed may not have come to write the last of it to the file.
        const auto at = static_cast<std::size_t>(std::min(end->offset, log.end()) - log.from);
        const auto unwritten = end->offset - log.from - at;
        if (unwritten <= std::min(mostUnwritten, latest.size()) &&
            text.substr(0, at).ends_with(latest.substr(0, latest.size() - unwritten)))
            return at;
        // What was doubled meanwhile was not counted.
        for (auto to = at; to <= std::min(text.size(), at + mostDoubled); ++to)
            if (fits(to)) return to;
    }
    if (const auto exact = behindOnly(latest, text, [](std::size_t) { return true; })) return exact;
    return behindOnly(lastOf(latest, enoughToSearch), text, fits);
}

std::optional<LogJoin::Place> LogJoin::end() const {
    if (done_ && !gap_ && inode_ != 0) return Place{inode_, end_};
    if (!done_ && !beganWithGap_) return Place{inode_, from_};
    return std::nullopt;
}

void LogJoin::hold(std::string_view bytes, common::Monotonic now) {
    held_ += bytes;
    if (!heldSince_) heldSince_ = now;
    lastHeld_ = now;
    if (!connected(now)) newFrom_ = held_.size();
    if (held_.size() >= mostHeld) return giveUp();
    readSoon(now);
}

/// Whether what comes at that time is new: QEMU writes to the terminal, and what it had kept has
/// come.
bool LogJoin::connected(common::Monotonic at) const {
    return !mayBeOld_ || at - opened_ >= untilConnected;
}

void LogJoin::readSoon(common::Monotonic now) {
    if (held_.size() - newFrom_ >= enoughToSearch) {
        readAt_ = std::min(readAt_, now);
        return;
    }
    readAt_ = now + quiet;
    if (mayBeOld_) readAt_ = std::max(readAt_, opened_ + untilSilent);
}

common::Monotonic LogJoin::lastChance() const {
    return std::max(*heldSince_, opened_ + (mayBeOld_ ? untilConnected : milliseconds(0))) +
           patience;
}

std::optional<common::Monotonic> LogJoin::due() const {
    if (done_) return std::nullopt;
    if (!heldSince_) return reading_ ? std::nullopt : std::optional(readAt_);
    return reading_ ? lastChance() : std::min(readAt_, lastChance());
}

std::optional<std::uint64_t> LogJoin::wantsLog(common::Monotonic now) {
    if (heldSince_ && now >= lastChance()) giveUp();
    if (done_ || reading_ || now < readAt_) return std::nullopt;
    reading_ = Read{now, held_.size(), !heldSince_ || now - lastHeld_ >= quiet, ended_};
    return from_;
}

void LogJoin::take(const std::optional<ConsoleLog>& log, common::Monotonic now) {
    if (done_ || !reading_) return;
    const Read read = *std::exchange(reading_, {});
    readAt_ = now + betweenReads;
    if (!log || log->inode != inode_ || log->from != from_) return giveUp();
    const std::string_view text = log->bytes;
    if (all(text, read)) {
        // Where nothing of it has come by the stream, some may still be on its way.
        const bool sure =
            text.empty() || read.last || commonEnd(held_, text) > 0 || sizeSeen_ == text.size();
        if (sure) return join(text, text.size(), held_.size());
        sizeSeen_ = text.size();
        readAt_ = now + onItsWay;
        return;
    }
    if (const auto to = place(text, read.held)) return join(text, *to, read.held);
    if (!read.last) return;
    if (const auto to = heldToLogsEnd(text)) return join(text, text.size(), *to);
    giveUp();
}

/// A process that is killed may have written to the terminal what it did not come to write to the
/// file: how much is held up to where the file ends.
std::optional<std::size_t> LogJoin::heldToLogsEnd(std::string_view log) const {
    for (std::size_t beyond = 1; beyond <= mostUnwritten && beyond < held_.size(); ++beyond) {
        const std::size_t to = held_.size() - beyond;
        const std::size_t same = commonEnd(std::string_view(held_).substr(0, to), log);
        if (same >= std::min(enoughToSearch, to) && fits(log, log.size(), to)) return to;
    }
    return std::nullopt;
}

/// Whether the file has all that was printed, and all of that has come which will.
bool LogJoin::all(std::string_view log, const Read& read) const {
    if (!read.last && (!read.quiet || held_.size() != read.held)) return false;
    const bool silent = held_.empty() || mayBeOld_;
    if (!read.last && silent && read.at - opened_ < untilSilent) return false;
    return fits(log, log.size(), held_.size());
}

/// Whether what is held up to there ends where the file does up to there, and what of it is not in
/// this part of the file stands in the part before.
bool LogJoin::fits(std::string_view log, std::size_t logTo, std::size_t heldTo) const {
    const std::string_view held = std::string_view(held_).substr(0, heldTo);
    const std::size_t same = commonEnd(held, log.substr(0, logTo));
    const std::string_view rest = held.substr(0, heldTo - same);
    if (rest.empty()) return true;
    if (!mayBeOld_) return false;
    const bool allNew = heldTo >= newFrom_ + enoughToSearch && same >= heldTo - newFrom_;
    return allNew || before_.find(rest) != std::string::npos;
}

/// Where in the file the stream was when that much was held, if that is at one place alone.
std::optional<std::size_t> LogJoin::place(std::string_view log, std::size_t heldTo) const {
    if (heldTo < newFrom_ + enoughToSearch) return std::nullopt;
    const auto searched = std::string_view(held_).substr(heldTo - enoughToSearch, enoughToSearch);
    return behindOnly(searched, log, [&](std::size_t to) { return fits(log, to, heldTo); });
}

void LogJoin::join(std::string_view log, std::size_t logTo, std::size_t heldTo) {
    end_ = from_ + logTo + (held_.size() - heldTo);
    held_ = std::string(log.substr(0, logTo)) + held_.substr(heldTo);
    done_ = true;
}

void LogJoin::endStream(common::Monotonic now) {
    ended_ = true;
    readAt_ = now;
}

void LogJoin::giveUp() {
    if (done_) return;
    gap_ = true;
    done_ = true;
}

LogJoin::Found LogJoin::finish() {
    giveUp();
    return {gap_, std::exchange(held_, {})};
}

}  // namespace rollo::core
