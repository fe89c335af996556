// SPDX-License-Identifier: Apache-2.0
#include "agent/server/gather.hpp"

#include <algorithm>
#include <utility>

namespace rollo::server {

std::string_view Gather::take(const SendQueue& queue) {
    next_.clear();
    queue.peek(next_, most);
    if (next_ == frames_ && !frames_.empty())
        return frames_.size() == 1 ? frames_.front().wire() : std::string_view(bytes_);
    std::swap(frames_, next_);
    if (frames_.empty()) return {};
    if (frames_.size() == 1) return frames_.front().wire();
    bytes_.clear();
    for (const auto& frame : frames_) bytes_ += frame.wire();
    return bytes_;
}

Gather::Split Gather::split(std::size_t bytes) const {
    Split split;
    while (split.frames < frames_.size() && bytes >= frames_[split.frames].size())
        bytes -= frames_[split.frames++].size();
    split.rest = bytes;
    return split;
}

void Gather::clear() {
    frames_.clear();
    next_.clear();
    if (bytes_.capacity() > most) std::string().swap(bytes_);
}

}  // namespace rollo::server
