// SPDX-License-Identifier: Apache-2.0
#include "agent/server/gather.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace rollo::server {
namespace {

proto::Traffic trafficOf(std::span<const proto::Frame> frames) {
    proto::Traffic traffic;
    for (const auto& frame : frames) {
        if (!frame.isMessage()) continue;
        ++traffic.messages;
        traffic.bytes += frame.payload().size();
    }
    return traffic;
}

}  // namespace

std::string_view Gather::take(const SendQueue& queue) {
    if (!queue.shows(frames_, most)) {
        frames_.clear();
        queue.peek(frames_, most);
        bytes_.clear();
        if (frames_.size() > 1)
            for (const auto& frame : frames_) bytes_ += frame.wire();
        all_ = trafficOf(frames_);
    }
    if (frames_.empty()) return {};
    return frames_.size() == 1 ? frames_.front().wire() : std::string_view(bytes_);
}

proto::Traffic Gather::traffic(std::size_t frames) const {
    return frames == frames_.size() ? all_ : trafficOf(std::span(frames_).first(frames));
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
    all_ = {};
    if (bytes_.capacity() > most) std::string().swap(bytes_);
}

}  // namespace rollo::server
