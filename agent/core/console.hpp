// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/console_attachment.hpp"
#include "agent/core/console_context.hpp"
#include "agent/core/input_queue.hpp"
#include "agent/core/scrollback.hpp"
#include "agent/core/writer_lease.hpp"
#include "proto/events.hpp"
#include "proto/frame.hpp"
#include "proto/messages.hpp"

namespace rollo::core {

class ConsoleViewer;

/// One serial device of a VM, as the agent knows it: what it has printed, who watches, who types.
/// It outlives the guest, and its stream as well: ConsoleAttachment attaches anew by itself.
/// Thread: main.
class Console {
  public:
    enum class Form { binary, text };

    Console(proto::Uuid vm, std::string alias, ConsoleContext& context);
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    const proto::Uuid& vm() const { return vm_; }
    const std::string& alias() const { return alias_; }
    const Scrollback& scrollback() const { return scrollback_; }
    const std::vector<ConsoleViewer*>& viewers() const { return viewers_; }
    const WriterLease& lease() const { return lease_; }
    proto::ConsoleStatus status(const ConsoleViewer* viewer) const;

    // What viewers do.
    void join(ConsoleViewer& viewer, bool forceDevice, const common::Now& now);
    void leave(ConsoleViewer& viewer, const common::Now& now);
    /// False: the first attempt to attach is still under way, so that nothing can be said yet.
    bool ready() const { return attachment_.settled(); }
    /// Takes the lease, or has it already. False: somebody else has it.
    bool acquire(ConsoleViewer& viewer, bool force, const common::Now& now);
    void release(ConsoleViewer& viewer, const common::Now& now);
    /// Whether there is anything that could take input, sooner or later.
    bool mayType() const { return attachment_.mayType(); }
    /// Only where it may, by who holds the lease.
    void type(ConsoleViewer& viewer, std::string_view bytes, const common::Now& now);

    struct Output {
        proto::Frame frame;
        Scrollback::Offset next;
    };
    /// What follows that place, encoded once for all who are there. Nothing: there is a mark, or
    /// nothing yet, or of text half a character.
    std::optional<Output> output(const Scrollback::Cursor& cursor, Form form,
                                 const common::Now& now);

    // What happens to the VM, and what its stream tells.
    void take(const proto::VmStatusChanged& event, const common::Now& now);
    /// The VM has another name or id, or is back.
    void vmChanged(const common::Now& now);
    void take(const ConsoleObservation& observation, const common::Now& now);

    /// Does what is due; tells viewers what is new. Cheap.
    void look(const common::Now& now);
    /// When `look` has something to do, if nothing happens before.
    std::optional<common::Monotonic> due(const common::Now& now) const;
    /// Whether the stream should be there: somebody watches or did so lately, or it is configured.
    bool wanted(common::Monotonic now) const;
    /// Configured to be attached, whoever watches.
    bool always() const;
    /// Gives up the stream until somebody comes.
    void detach(common::Monotonic now);
    bool attached() const { return attachment_.present(); }
    void shrink(std::size_t bytes) { scrollback_.shrink(bytes); }

  private:
    void serve(const common::Now& now);
    void announce(const common::Now& now);
    void tellAll(const common::Now& now);
    void pump(const common::Now& now);
    void dropInput(std::size_t bytes);
    void listenAgain();
    std::optional<Output> binary(const Scrollback::Cursor& cursor) const;
    std::optional<Output> text(const Scrollback::Cursor& cursor, const common::Now& now) const;
    void record(std::string_view what, const ConsoleViewer& viewer);

    struct Shared {
        Scrollback::Offset from = 0;
        Output output;
    };

    proto::Uuid vm_;
    std::string alias_;
    ConsoleContext& context_;
    Scrollback scrollback_;
    ConsoleAttachment attachment_;
    InputQueue input_;
    WriterLease lease_;
    std::vector<ConsoleViewer*> viewers_;
    std::vector<ConsoleViewer*> held_;  ///< of whom nothing is read until the queue drains
    common::Monotonic lastViewer_{};
    std::optional<Shared> shared_[2];
    std::uint64_t inputDropped_ = 0;  ///< and not told yet
    ConsoleCondition told_;
    bool migrated_ = false;
    proto::VmId lastId_ = 0;
};

}  // namespace rollo::core
