// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>

#include "agent/core/hypervisor.hpp"
#include "agent/virt/connection.hpp"
#include "agent/virt/console_reader.hpp"
#include "agent/virt/error.hpp"
#include "agent/virt/guest_appetite.hpp"

namespace rollo::virt {

/// A device's stream and the connection that it has to itself, from opening to closing: a stream
/// whose device does not read makes libvirt stop reading from the whole connection. Shared by the
/// tasks that run on it and its ConsoleStream; once abandoned, by the task that hangs alone, which
/// closes it when it returns.
/// Thread: the console's worker, unless said otherwise. Everything may block.
class ConsoleSession {
  public:
    using Target = core::Hypervisor::ConsoleTarget;

    ConsoleSession(core::StreamId id, Target target, const Settings& settings,
                   std::shared_ptr<ConsoleReader> reader);
    /// Any thread: does not block.
    ~ConsoleSession();
    ConsoleSession(const ConsoleSession&) = delete;
    ConsoleSession& operator=(const ConsoleSession&) = delete;

    void open();
    /// Returns when libvirt has room for more: without end while the guest does not read.
    void send(std::string_view bytes);
    void readLog(std::uint64_t from);
    void close();

    /// Any thread: decides what opening comes to; true for the first who asks.
    bool settle() { return !settled_.exchange(true); }
    bool settled() const { return settled_; }
    /// Main: whatever it would still do is of no use.
    void abandon() { abandoned_ = true; }
    bool abandoned() const { return abandoned_; }

  private:
    /// Throws LibvirtError.
    void openStream(virDomainPtr domain);
    core::ConsoleFailure failureOf(const LibvirtError& error) const;
    void fail(core::ConsoleFailure failure, std::optional<core::ConsoleLog> log);
    bool sendPiece(std::string_view& rest);

    const core::StreamId id_;
    const Target target_;
    Settings settings_;
    const std::shared_ptr<ConsoleReader> reader_;
    std::atomic<bool> settled_ = false;
    std::atomic<bool> abandoned_ = false;
    std::unique_ptr<Connection> connection_;
    StreamHandle stream_;
    std::optional<std::uint64_t> logInode_;
    std::optional<GuestAppetite> appetite_;
    std::deque<std::size_t> lastPieces_;  ///< their sizes: these may still be with libvirt
};

}  // namespace rollo::virt
