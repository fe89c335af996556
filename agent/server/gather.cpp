// SPDX-License-Identifier: Apache-2.0
#include "agent/server/gather.hpp"

#include <algorithm>
#include <utility>

namespace rollo::server {

std::string_view Gather::take(const SendQueue& queue) {
    if (!queue.shows(frames_, most)) {
        frames_.clear();
        queue.peek(frames_, most);
        bytes_.clear();
        if (frames_.size() > 1)
            for (const auto& frame : frames_) bytes_ += frame.wire();
    }
    if (frames_.empty()) return {};
    return frames_.size() == 1 ? frames_.front().wire() : std::string_view(bytes_);
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
    if (bytes_.capacity() > most) std::string().swap(bytes_);
}

}  // namespace rollo::server
