// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libvirt/libvirt.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/core/observation.hpp"

namespace rollo::virt {

/// A figure of virNodeGetCPUStats or virNodeGetMemoryStats.
struct NodeFigure {
    std::string name;
    std::uint64_t value;
};
using NodeFigures = std::vector<NodeFigure>;

/// KiB; empty where the driver has none.
NodeFigures nodeMemory(virConnectPtr connection);
/// Nanoseconds since boot, all CPUs together.
NodeFigures nodeCpu(virConnectPtr connection);
std::optional<std::uint64_t> count(const NodeFigures& figures, std::string_view name);

/// The figures that the kernel tells better than libvirt: load, uptime, pressure, network, disks,
/// steal, available memory, swap. What a kernel does not have stays empty.
class HostFiles {
  public:
    /// `root` stands before /proc and /sys: tests bring their own.
    explicit HostFiles(std::string root = "") : root_(std::move(root)) {}
    void read(core::HostSample& sample) const;

  private:
    void readNetwork(core::HostSample& sample) const;
    void readDisks(core::HostSample& sample) const;
    bool isUplink(const std::string& device, bool hardwareOnly) const;
    std::string slurp(const std::string& path) const;

    std::string root_;
};

/// One sample of the host that this process runs on. The connection tells CPU and memory.
/// Thread: sampler. May block (statvfs).
core::HostSample sampleHost(virConnectPtr connection, const std::string& diskPath);

}  // namespace rollo::virt
