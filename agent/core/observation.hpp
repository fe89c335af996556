// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/core/console_observation.hpp"
#include "agent/core/domain_ref.hpp"
#include "agent/core/job_observation.hpp"
#include "common/clock.hpp"
#include "proto/events.hpp"
#include "proto/ids.hpp"

/// What the hypervisor's side tells the core, in the order in which it happened. Plain values:
/// they cross threads by move.
namespace rollo::core {

/// virDomainEventType, in the words of libvirt.
enum class Lifecycle {
    defined,
    undefined,
    started,
    suspended,
    resumed,
    stopped,
    shutdown,
    pmSuspended,
    crashed
};

struct LifecycleSeen {
    DomainRef domain;
    Lifecycle what;
    /// The event's detail as a word of the protocol: `booted`, `destroyed`, `renamed`, ….
    std::string reason;
};
struct RebootSeen {
    DomainRef domain;
};
/// Trouble of which libvirt tells in a callback of its own, once each time.
struct WatchdogFired {
    DomainRef domain;
    std::string action;  ///< what QEMU did: `none`, `pause`, `reset`, `poweroff`, …
};
struct IoErrorSeen {
    DomainRef domain;
    std::string device;  ///< the disk's alias, `virtio-disk0`
    std::string action;  ///< `none`, `pause`, `report`
    std::string reason;  ///< libvirt's: `enospc`, or empty
};
struct MemoryFailed {
    DomainRef domain;
    std::string recipient;  ///< `hypervisor`, `guest`
    std::string action;     ///< `ignore`, `inject`, `fatal`, `reset`
};
/// Something changed that only a fresh description tells: a device, metadata, the balloon.
struct DescriptionOutdated {
    DomainRef domain;
};

/// One domain as libvirt describes it at one moment (its XML, state, and flags).
struct DomainDescription {
    DomainRef domain;
    proto::VmStatus status = proto::VmStatus::unknown;
    /// From virDomainGetState's reason, as a word of the protocol; empty: nothing but `domain`
    /// could be read.
    std::string reason;
    bool persistent = true;
    std::optional<bool> autostart;
    std::optional<std::int64_t> vcpus;
    std::optional<std::int64_t> memoryMb;  ///< MiB, what the guest has at present
    std::optional<std::string> os;
    std::optional<std::string> title;
    std::optional<bool> console;
    std::vector<ConsoleDevice> consoles;  ///< the one that libvirt opens by default first
    /// The `console` of the metadata element, where there is a valid one: stay attached to this
    /// VM's consoles even if nobody watches.
    std::optional<bool> attachAlways;
    /// The `id` of the metadata element, where there is a valid one.
    std::optional<proto::VmId> platformId;
    std::uint64_t cpuTimeNs = 0;  ///< of the present QEMU process; 0 when inactive
};

/// The answer to Hypervisor::describe; no description: there is no such domain any more.
struct DomainDescribed {
    proto::Uuid uuid;
    std::optional<DomainDescription> description;
};

/// The host and its hypervisor as one connection shows them.
struct HostDescription {
    std::optional<proto::Uuid> uuid;
    std::string hostname;
    std::string hypervisor;
    std::string hypervisorVersion;
    std::string libraryVersion;
    std::int64_t cpus = 0;
    std::int64_t memoryTotalMb = 0;
};

/// Connected and registered: from here on every event arrives. The listing follows.
struct ConnectionOpened {
    HostDescription host;
};
/// Everything that happens after this point is not in the listing, or is: the domains that are
/// mentioned between the two are described anew.
struct ListingBegun {};
struct ListingDone {
    std::vector<DomainDescription> domains;
};
struct ConnectionLost {
    std::string reason;  ///< `error`, `eof`, `keepalive`, `refused`, `timeout`, …
};

struct DiskCounters {
    std::string name;
    proto::Counter readRequests, readBytes, readTimeNs;
    proto::Counter writeRequests, writeBytes, writeTimeNs;
    proto::Counter capacity, allocation, physical;
};
struct NetworkCounters {
    std::string name;
    proto::Counter rxBytes, rxPackets, rxErrors, rxDrops;
    proto::Counter txBytes, txPackets, txErrors, txDrops;
};
struct VcpuCounters {
    std::int64_t number = 0;
    std::optional<std::string> state;
    proto::Counter timeNs, delayNs;
};
/// The counters of one domain as virConnectGetAllDomainStats gave them; what it did not give is
/// empty. Memory in KiB, as libvirt has it.
struct DomainSample {
    proto::Uuid uuid;
    int domainId = -1;
    common::Monotonic takenAt{};
    proto::Counter cpuTimeNs, cpuUserNs, cpuSystemNs;
    proto::Counter balloonCurrentKib, balloonMaximumKib, balloonAvailableKib, balloonUnusedKib,
        balloonUsableKib, balloonRssKib;
    /// Seconds since the epoch of the guest's last report; 0 or empty: it never gave one.
    proto::Counter balloonLastUpdate;
    proto::Counter swapInKib, swapOutKib, majorFaults;
    std::vector<VcpuCounters> vcpus;
    std::vector<DiskCounters> disks;
    std::vector<NetworkCounters> networks;
};

/// One storage pool, active or not.
struct PoolSample {
    proto::Uuid uuid;
    std::string name;
    std::string type;   ///< libvirt's word: `dir`, `netfs`, `logical`, …
    std::string state;  ///< virStoragePoolState as a word: `running`, `inactive`, …
    std::optional<bool> autostart;
    /// Empty where it is not active.
    proto::Counter capacityBytes, allocationBytes, availableBytes;
    /// Of the file system in which the pool lies, as stat(2) names it: pools that share one share
    /// its figures. Empty where the pool is none, or may not be looked at.
    std::optional<std::uint64_t> fileSystem;
    common::Monotonic takenAt{};  ///< the figures
    bool stale = false;           ///< they could not be read again since
};
using Pools = std::vector<PoolSample>;

struct HostSample {
    common::Monotonic takenAt{};
    /// Nanoseconds since boot, of all CPUs together (virNodeGetCPUStats).
    proto::Counter cpuUserNs, cpuKernelNs, cpuIdleNs, cpuIowaitNs, cpuStealNs;
    proto::Counter memoryTotalKib, memoryFreeKib, memoryBuffersKib, memoryCachedKib;
    proto::Counter memoryAvailableKib;
    proto::Counter swapTotalKib, swapFreeKib;
    /// Of the file system in which guests' disks are where there is no storage pool.
    proto::Counter diskTotalBytes, diskUsedBytes;
    /// Read at their own pace; empty: not known yet.
    std::optional<Pools> pools;
    /// Since the host's boot, as the disks and network interfaces of the machine itself count.
    proto::Counter diskReadBytes, diskWriteBytes;
    proto::Counter networkRxBytes, networkTxBytes;
    std::optional<std::vector<double>> loadAverage;
    std::optional<std::int64_t> uptimeSeconds;
    std::optional<proto::ServerMetrics::Pressures> pressure;
};

struct SampleTaken {
    std::vector<DomainSample> domains;
    std::optional<HostSample> host;
    /// Running, but without an answer this time: their last values are stale.
    std::vector<proto::Uuid> silent;
    /// The same, and a command of their own has expired: their monitor does not answer. A guest
    /// stands in one list only.
    std::vector<proto::Uuid> unresponsive;
};

using Observation =
    std::variant<ConnectionOpened, ListingBegun, ListingDone, ConnectionLost, LifecycleSeen,
                 RebootSeen, WatchdogFired, IoErrorSeen, MemoryFailed, JobsSeen, JobEnded,
                 DescriptionOutdated, DomainDescribed, SampleTaken>;

}  // namespace rollo::core
