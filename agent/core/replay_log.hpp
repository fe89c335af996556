// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <optional>

#include "agent/core/subscription.hpp"
#include "proto/frame.hpp"

namespace rollo::core {

/// The last ordered events of this epoch, as they were sent, so that a client that comes back gets
/// what it missed. Bounded by count and by bytes; the oldest go first.
class ReplayLog {
  public:
    struct Entry {
        proto::Seq seq = 0;
        proto::EventKind kind{};
        std::optional<proto::VmIdentity> vm;  ///< as it was called at that event
        bool server = false;
        /// For an update: what the VM was called before. Who could see that and can't see the
        /// new one is told `farewell` in the place of `frame`.
        std::optional<proto::VmIdentity> before;
        proto::Frame frame;
        proto::Frame farewell;

        Topic topic() const { return {kind, vm ? &*vm : nullptr, server}; }
    };

    ReplayLog(std::size_t maxEntries, std::size_t maxBytes)
        : maxEntries_(maxEntries), maxBytes_(maxBytes) {}

    void append(Entry entry);
    /// The entries after `seq`, oldest first; nothing if some of them are gone, or `seq` lies
    /// ahead.
    struct Range {
        std::deque<Entry>::const_iterator begin, end;
    };
    std::optional<Range> after(proto::Seq seq) const;

    std::size_t bytes() const { return bytes_; }
    std::size_t size() const { return entries_.size(); }

  private:
    std::deque<Entry> entries_;
    std::size_t maxEntries_;
    std::size_t maxBytes_;
    std::size_t bytes_ = 0;
    proto::Seq last_ = 0;
};

}  // namespace rollo::core
