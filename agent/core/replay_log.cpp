// SPDX-License-Identifier: Apache-2.0
#include "agent/core/replay_log.hpp"

#include <algorithm>
#include <utility>

namespace rollo::core {

ReplayLog::ReplayLog(std::size_t maxEntries, std::size_t maxBytes)
    : maxEntries_(std::max<std::size_t>(maxEntries, 1)), maxBytes_(maxBytes) {}

const ReplayLog::Entry& ReplayLog::append(proto::Seq seq, const Topic& topic, proto::Frame frame,
                                          std::optional<proto::VmIdentity> before,
                                          proto::Frame farewell) {
    if (size_ == maxEntries_) dropOldest();
    Entry& entry = place(seq);
    entry.seq = seq;
    entry.kind = topic.kind;
    // Assigned and not made anew, so that the place's memory for the name is used again.
    if (topic.vm)
        entry.vm = *topic.vm;
    else
        entry.vm.reset();
    entry.server = topic.server;
    entry.before = std::move(before);
    entry.frame = std::move(frame);
    entry.farewell = std::move(farewell);
    last_ = seq;
    ++size_;
    bytes_ += entry.frame.size() + entry.farewell.size();
    while (bytes_ > maxBytes_ && size_ > 1) dropOldest();
    return entry;
}

ReplayLog::Entry& ReplayLog::place(proto::Seq seq) {
    const std::size_t index = seq % maxEntries_;
    if (index >= places_.size()) places_.resize(index + 1);
    return places_[index];
}

void ReplayLog::dropOldest() {
    Entry& oldest = place(last_ + 1 - size_);
    bytes_ -= oldest.frame.size() + oldest.farewell.size();
    oldest.frame = {};
    oldest.farewell = {};
    --size_;
}

bool ReplayLog::reaches(proto::Seq seq) const {
    return seq <= last_ && last_ - seq <= size_;
}

}  // namespace rollo::core
