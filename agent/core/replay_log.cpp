// SPDX-License-Identifier: Apache-2.0
#include "agent/core/replay_log.hpp"

#include <utility>

namespace rollo::core {

void ReplayLog::append(Entry entry) {
    last_ = entry.seq;
    bytes_ += entry.frame.size() + entry.farewell.size();
    entries_.push_back(std::move(entry));
    while (entries_.size() > maxEntries_ || (bytes_ > maxBytes_ && entries_.size() > 1)) {
        bytes_ -= entries_.front().frame.size() + entries_.front().farewell.size();
        entries_.pop_front();
    }
}

std::optional<ReplayLog::Range> ReplayLog::after(proto::Seq seq) const {
    if (seq > last_) return std::nullopt;
    // Numbers in the log follow each other without a hole.
    const proto::Seq missing = last_ - seq;
    if (missing > entries_.size()) return std::nullopt;
    return Range{entries_.end() - static_cast<std::ptrdiff_t>(missing), entries_.end()};
}

}  // namespace rollo::core
