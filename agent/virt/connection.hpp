// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/virt/event_source.hpp"
#include "agent/virt/handle.hpp"
#include "agent/virt/settings.hpp"

namespace rollo::virt {

struct CloseContext;
enum class Access { readOnly, readWrite };

/// One connection to libvirt with its keepalive.
/// Thread: the worker that opened it. Every member may block, the destructor too; an object whose
/// last owner may not block is handed to `closeElsewhere`.
class Connection {
  public:
    /// virConnectOpenReadOnly or virConnectOpen; without end if the daemon hangs. Throws
    /// LibvirtError.
    Connection(const Settings& settings, Access access);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    virConnectPtr get() const { return handle_.get(); }
    /// virConnectIsAlive: whether the socket is open, without asking the daemon.
    bool alive() const;

    /// Called once, on any thread, when the connection breaks (virConnectRegisterCloseCallback),
    /// with a virConnectCloseReason. Drivers without a daemon never do.
    void onClose(std::function<void(int reason)> callback);
    void listen(const std::shared_ptr<EventSink>& sink);

  private:
    ConnectHandle handle_;
    /// Libvirt's, unless it never takes it: the flag tells.
    CloseContext* closeContext_ = nullptr;
    std::shared_ptr<std::atomic<bool>> closeContextFreed_;
    std::optional<EventSource> events_;
};

/// Closes it on a thread of its own that nobody waits for.
void closeElsewhere(std::unique_ptr<Connection> connection);

}  // namespace rollo::virt
