// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>

#include "agent/virt/handle.hpp"

namespace rollo::virt {

/// Whether it makes sense to send a guest more input. Libvirtd reads no more of a client of whose
/// requests `max_client_requests` (five) are unfinished, and a stream's packet is one until the
/// device has taken it; then it does not read the answers to its own keepalive either, and closes
/// the connection after 30 s. The kernel keeps some 17 KiB for a guest that does not read. So
/// one that is paused is sent no more, and one that has shown no sign of life since no more than
/// 6 KiB (what tells of life may be as old as that by then). Its processor time alone is too coarse
/// a sign: a fast guest takes more in one step of it. Thread: the worker that owns the connection.
/// Every call may block: libvirtd answers once it reads, which it does not while a guest that runs
/// takes nothing.
class GuestAppetite {
  public:
    /// `printed` becomes true, on any thread, when the guest has printed something; outlives this.
    GuestAppetite(DomainHandle domain, std::atomic<bool>& printed)
        : domain_(std::move(domain)), printed_(printed) {}

    void sent(std::size_t bytes) {
        if (unproven_ == 0) printed_ = false;  // what counts is what is printed from now on
        unproven_ += bytes;
    }
    /// Waits until it may take more, or `enough` becomes true; without end if it is never so.
    /// False: the guest runs no more, and its stream is about to end.
    bool wait(const std::atomic<bool>& enough);

  private:
    DomainHandle domain_;
    std::atomic<bool>& printed_;
    unsigned long long cpuTimeNs_ = 0;  ///< of its process, when that was last seen to have run
    std::size_t unproven_ = 0;          ///< bytes that were sent since
};

}  // namespace rollo::virt
