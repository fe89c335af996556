// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "agent/virt/outlet.hpp"

namespace rollo::virt {

/// Where the callbacks of one connection put what they saw.
/// Thread: libvirt events, but for the counter.
struct EventSink {
    std::shared_ptr<Outlet> outlet;
    Generation generation = 0;
    /// Callbacks so far, of all connections; read by any thread.
    std::shared_ptr<std::atomic<std::uint64_t>> count;
};

/// The domain events of one connection, registered for all domains
/// (virConnectDomainEventRegisterAny). The callbacks run on libvirt's event thread; none of them
/// makes a call to the daemon. Each registration keeps the sink until libvirt frees it.
/// Thread: the one that owns the connection; registering and deregistering may block.
class EventSource {
  public:
    /// What a driver does not have is left out.
    EventSource(virConnectPtr connection, const std::shared_ptr<EventSink>& sink);
    /// Also after the connection was lost: though it fails then, libvirt lets go of the callbacks,
    /// without which the connection would never be freed.
    ~EventSource();
    EventSource(const EventSource&) = delete;
    EventSource& operator=(const EventSource&) = delete;

  private:
    virConnectPtr connection_;
    std::vector<int> callbackIds_;
};

}  // namespace rollo::virt
