// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "agent/core/subscription.hpp"
#include "proto/frame.hpp"

namespace rollo::core {

/// The last ordered events of this epoch, as they were sent, so that a client that comes back gets
/// what it missed. Bounded by count and by bytes; the oldest go first, and the next ones take their
/// places: a log that is full does not allocate.
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

    /// At least one entry is always kept.
    ReplayLog(std::size_t maxEntries, std::size_t maxBytes);

    /// Every number follows the one before. The answer is valid until the next call.
    const Entry& append(proto::Seq seq, const Topic& topic, proto::Frame frame,
                        std::optional<proto::VmIdentity> before = {}, proto::Frame farewell = {});
    /// True if every entry after `seq` is here; not where some of them are gone, or `seq` lies
    /// ahead.
    bool reaches(proto::Seq seq) const;
    /// The number of the last entry; 0: there is none.
    proto::Seq last() const { return last_; }
    /// The entry of that number, which must be one of the last `size()`.
    const Entry& at(proto::Seq seq) const { return places_[seq % maxEntries_]; }

    std::size_t bytes() const { return bytes_; }
    std::size_t size() const { return size_; }

  private:
    Entry& place(proto::Seq seq);
    void dropOldest();

    std::size_t maxEntries_;
    std::size_t maxBytes_;
    std::vector<Entry> places_;  ///< by the rest of `seq` divided by `maxEntries_`
    std::size_t size_ = 0;
    std::size_t bytes_ = 0;
    proto::Seq last_ = 0;
};

}  // namespace rollo::core
