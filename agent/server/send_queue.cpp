// SPDX-License-Identifier: Apache-2.0
#include "agent/server/send_queue.hpp"

#include <algorithm>

namespace rollo::server {
namespace {

/// A queue that has drained gives its memory back beyond this many entries.
constexpr std::size_t keptCapacity = 64;

template <class T>
void reset(std::vector<T>& entries) {
    entries.clear();
    if (entries.capacity() > keptCapacity) entries.shrink_to_fit();
}

}  // namespace

void SendQueue::push(const proto::Frame& frame) {
    ordered_.push_back({frame, true});
    bytes_ += frame.size();
}

void SendQueue::pushUncounted(const proto::Frame& frame) {
    ordered_.push_back({frame, false});
    ++uncounted_;
}

void SendQueue::pushLatest(std::uint64_t key, const proto::Frame& frame) {
    if (leftOver_) {
        const auto [place, isNew] = places_.try_emplace(key, latest_.size());
        if (!isNew) {
            latest_[place->second].frame = frame;
            ++conflated_;
            return;
        }
    }
    latest_.push_back({key, frame});
}

void SendQueue::peek(std::vector<proto::Frame>& frames, std::size_t maxBytes) const {
    std::size_t bytes = 0;
    const auto take = [&](const proto::Frame& frame) {
        if (bytes != 0 && bytes + frame.size() > maxBytes) return false;
        frames.push_back(frame);
        bytes += frame.size();
        return true;
    };
    for (std::size_t i = head_; i < ordered_.size(); ++i)
        if (!take(ordered_[i].frame)) return;
    for (std::size_t i = latestHead_; i < latest_.size(); ++i)
        if (!take(latest_[i].frame)) return;
}

std::size_t SendQueue::allBytes() const {
    std::size_t bytes = 0;
    for (const auto& each : ordered_) bytes += each.frame.size();
    for (const auto& each : latest_) bytes += each.frame.size();
    return bytes;
}

void SendQueue::drop(std::size_t count) {
    for (; count > 0 && head_ < ordered_.size(); --count, ++head_) {
        if (ordered_[head_].counted)
            bytes_ -= ordered_[head_].frame.size();
        else
            --uncounted_;
        ordered_[head_].frame = {};
    }
    for (; count > 0; --count, ++latestHead_) {
        // A later one with this key may wait behind it, from before anything was left over.
        const auto place = places_.find(latest_[latestHead_].key);
        if (place != places_.end() && place->second == latestHead_) places_.erase(place);
        latest_[latestHead_].frame = {};
    }
    if (empty()) return clear();
    compact();
    leaveOver();
}

void SendQueue::leaveOver() {
    if (leftOver_ || empty()) return;
    leftOver_ = true;
    for (std::size_t i = latestHead_; i < latest_.size(); ++i) places_[latest_[i].key] = i;
}

/// A socket that is slow but moves never drains its queue, so what has left is cut off meanwhile.
void SendQueue::compact() {
    if (head_ > keptCapacity && head_ > ordered_.size() / 2) {
        ordered_.erase(ordered_.begin(), ordered_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
    if (latestHead_ > keptCapacity && latestHead_ > latest_.size() / 2) {
        latest_.erase(latest_.begin(), latest_.begin() + static_cast<std::ptrdiff_t>(latestHead_));
        for (auto& [key, place] : places_) place -= latestHead_;
        latestHead_ = 0;
    }
}

void SendQueue::clear() {
    reset(ordered_);
    reset(latest_);
    places_.clear();
    head_ = latestHead_ = bytes_ = uncounted_ = 0;
    leftOver_ = false;
}

}  // namespace rollo::server
