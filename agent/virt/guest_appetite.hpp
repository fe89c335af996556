// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>

#include "agent/virt/handle.hpp"

namespace rollo::virt {

/// Whether it makes sense to send a guest more input. Libvirtd reads no more of a client of whose
/// requests `max_client_requests` (five) are unfinished, and a stream's packet is one until the
/// device has taken it; then it does not read the answers to its own keepalive either, and closes
/// the connection after 30 s. The kernel keeps more than 8 KiB for a guest that does not read. So
/// nothing is sent to one that is paused, and that much in a quarter of a second to one whose
/// process has not been seen to run: its time is counted in steps of 10 ms, in which a fast guest
/// takes more.
/// Thread: the worker that owns the connection. Every call may block: libvirtd answers once it
/// reads, which it does not while a guest that runs takes nothing.
class GuestAppetite {
  public:
    explicit GuestAppetite(DomainHandle domain) : domain_(std::move(domain)) {}

    void sent(std::size_t bytes) { unproven_ += bytes; }
    /// Waits until it may take more, or `enough` becomes true; without end if it is never so.
    /// False if libvirt does not know.
    bool wait(const std::atomic<bool>& enough);

  private:
    DomainHandle domain_;
    unsigned long long cpuTimeNs_ = 0;  ///< of its process, when that was last seen to have run
    std::size_t unproven_ = 0;          ///< bytes that were sent since
};

}  // namespace rollo::virt
