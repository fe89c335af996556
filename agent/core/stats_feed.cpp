// SPDX-License-Identifier: Apache-2.0
#include "agent/core/stats_feed.hpp"

#include "proto/codec.hpp"

namespace rollo::core {
namespace {

/// A viewer is told nothing else of which only the latest matters.
constexpr std::uint64_t onlyKey = 0;
/// Half of the time between two looks: none is missed by a hair.
constexpr std::chrono::milliseconds early{500};

}  // namespace

void StatsFeed::join(Subscriber& viewer, const common::Now& now) {
    viewers_.push_back(&viewer);
    viewer.sendLatest(onlyKey, frame(now));
}

void StatsFeed::leave(Subscriber& viewer) {
    std::erase(viewers_, &viewer);
}

void StatsFeed::tick(const common::Now& now) {
    const bool first = began_ == common::Monotonic();
    if (!first && now.mono - began_ < interval - early) return;
    if (!first) {
        const double seconds = std::chrono::duration<double>(now.mono - began_).count();
        messagesPerSecond_ = static_cast<double>(sent_.messages - sentBefore_.messages) / seconds;
        bytesPerSecond_ = static_cast<double>(sent_.bytes - sentBefore_.bytes) / seconds;
    }
    began_ = now.mono;
    sentBefore_ = sent_;
    if (viewers_.empty()) return;
    const proto::Frame latest = frame(now);
    for (Subscriber* viewer : viewers_) viewer->sendLatest(onlyKey, latest);
}

proto::Frame StatsFeed::frame(const common::Now& now) const {
    proto::WebsocketStats stats = take_(now);
    stats.messagesPerSecond = messagesPerSecond_;
    stats.bytesPerSecond = bytesPerSecond_;
    return proto::encode(stats, now);
}

}  // namespace rollo::core
