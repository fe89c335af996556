// SPDX-License-Identifier: Apache-2.0
#include "agent/server/send_queue.hpp"

#include <algorithm>

namespace rollo::server {
namespace {

/// What has left is cut off beyond this many entries.
constexpr std::size_t compactFrom = 64;

template <class T>
void shrink(std::vector<T>& entries, std::size_t& most) {
    if (entries.empty() && entries.capacity() > 2 * most) {
        std::vector<T> smaller;
        smaller.reserve(most);
        entries.swap(smaller);
    }
    most = 0;
}

}  // namespace

void SendQueue::push(const proto::Frame& frame) {
    ordered_.push_back({frame, Kind::counted});
    bytes_ += frame.size();
}

void SendQueue::pushUncounted(const proto::Frame& frame) {
    ordered_.push_back({frame, Kind::uncounted});
    ++uncounted_;
}

void SendQueue::pushOutput(const proto::Frame& frame) {
    ordered_.push_back({frame, Kind::output});
    outputBytes_ += frame.size();
}

void SendQueue::pushLatest(std::uint64_t key, const proto::Frame& frame) {
    if (places_) {
        const auto [place, isNew] = places_->try_emplace(key, latest_.size());
        if (!isNew) {
            latest_[place->second].frame = frame;
            ++conflated_;
            return;
        }
    }
    latest_.push_back({key, frame});
}

void SendQueue::dropLatest(std::uint64_t key) {
    const auto waiting = latest_.begin() + static_cast<std::ptrdiff_t>(latestHead_);
    const auto end = std::remove_if(waiting, latest_.end(),
                                    [&](const Latest& latest) { return latest.key == key; });
    if (end == latest_.end()) return;
    latest_.erase(end, latest_.end());
    if (empty()) return clear();
    if (!places_) return;
    places_.reset();
    leaveOver();
}

/// Visits what should leave next until `take` answers false or `maxBytes` are reached.
template <class Take>
void SendQueue::forEach(std::size_t maxBytes, Take take) const {
    std::size_t bytes = 0;
    const auto fits = [&](const proto::Frame& frame) {
        const bool first = bytes == 0;
        bytes += frame.size();
        return first || bytes <= maxBytes;
    };
    for (std::size_t i = head_; i < ordered_.size(); ++i)
        if (!fits(ordered_[i].frame) || !take(ordered_[i].frame)) return;
    for (std::size_t i = latestHead_; i < latest_.size(); ++i)
        if (!fits(latest_[i].frame) || !take(latest_[i].frame)) return;
}

void SendQueue::peek(std::vector<proto::Frame>& frames, std::size_t maxBytes) const {
    forEach(maxBytes, [&](const proto::Frame& frame) {
        frames.push_back(frame);
        return true;
    });
}

bool SendQueue::shows(const std::vector<proto::Frame>& frames, std::size_t maxBytes) const {
    std::size_t same = 0;
    bool others = false;
    forEach(maxBytes, [&](const proto::Frame& frame) {
        others = same == frames.size() || !(frames[same] == frame);
        same += others ? 0 : 1;
        return !others;
    });
    return !others && same == frames.size();
}

std::size_t SendQueue::allBytes() const {
    std::size_t bytes = 0;
    for (const auto& each : ordered_) bytes += each.frame.size();
    for (const auto& each : latest_) bytes += each.frame.size();
    return bytes;
}

void SendQueue::drop(std::size_t count) {
    if (count == ordered_.size() - head_ + latest_.size() - latestHead_) return clear();
    for (; count > 0 && head_ < ordered_.size(); --count, ++head_) {
        forget(ordered_[head_]);
        ordered_[head_].frame = {};
    }
    for (; count > 0; --count, ++latestHead_) {
        // A later one with this key may wait behind it, from before anything was left over.
        if (places_) {
            const auto place = places_->find(latest_[latestHead_].key);
            if (place != places_->end() && place->second == latestHead_) places_->erase(place);
        }
        latest_[latestHead_].frame = {};
    }
    compact();
    leaveOver();
}

void SendQueue::forget(const Ordered& ordered) {
    switch (ordered.kind) {
        case Kind::counted:
            bytes_ -= ordered.frame.size();
            break;
        case Kind::uncounted:
            --uncounted_;
            break;
        case Kind::output:
            outputBytes_ -= ordered.frame.size();
            break;
    }
}

void SendQueue::leaveOver() {
    if (places_ || empty()) return;
    places_ = std::make_unique<Places>();
    for (std::size_t i = latestHead_; i < latest_.size(); ++i) (*places_)[latest_[i].key] = i;
}

/// A socket that is slow but moves never drains its queue, so what has left is cut off meanwhile.
void SendQueue::compact() {
    if (head_ > compactFrom && head_ > ordered_.size() / 2) {
        ordered_.erase(ordered_.begin(), ordered_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }
    if (latestHead_ > compactFrom && latestHead_ > latest_.size() / 2) {
        latest_.erase(latest_.begin(), latest_.begin() + static_cast<std::ptrdiff_t>(latestHead_));
        if (places_)
            for (auto& [key, place] : *places_) place -= latestHead_;
        latestHead_ = 0;
    }
}

void SendQueue::clear() {
    mostOrdered_ = std::max(mostOrdered_, ordered_.size());
    mostLatest_ = std::max(mostLatest_, latest_.size());
    ordered_.clear();
    latest_.clear();
    places_.reset();
    head_ = latestHead_ = bytes_ = outputBytes_ = uncounted_ = 0;
}

void SendQueue::rest() {
    shrink(ordered_, mostOrdered_);
    shrink(latest_, mostLatest_);
}

}  // namespace rollo::server
