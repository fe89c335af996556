// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/core/observation.hpp"
#include "tests/fakes/examples.hpp"

/// Samples of the domains of HostBench.
namespace rollo::tests {

inline core::DomainSample sampleOf(int number, int domainId, std::chrono::milliseconds when = {},
                                   std::uint64_t cpuTimeNs = 0) {
    core::DomainSample sample;
    sample.uuid = uuid(static_cast<unsigned char>(number));
    sample.domainId = domainId;
    sample.takenAt = at(when).mono;
    sample.cpuTimeNs = cpuTimeNs;
    sample.vcpus = {{.number = 0, .state = "running", .timeNs = 0, .delayNs = 0}};
    return sample;
}

inline core::SampleTaken sampled(std::vector<core::DomainSample> domains) {
    core::SampleTaken taken;
    taken.domains = std::move(domains);
    return taken;
}
inline core::SampleTaken silent(int number) {
    core::SampleTaken taken;
    taken.silent = {uuid(static_cast<unsigned char>(number))};
    return taken;
}
inline core::SampleTaken unresponsive(int number) {
    core::SampleTaken taken;
    taken.unresponsive = {uuid(static_cast<unsigned char>(number))};
    return taken;
}

/// A pool of 100 bytes.
inline core::PoolSample poolOf(const std::string& name, std::uint64_t used) {
    core::PoolSample pool;
    pool.name = name;
    pool.type = "dir";
    pool.state = "running";
    pool.capacityBytes = 100;
    pool.allocationBytes = used;
    pool.availableBytes = 100 - used;
    return pool;
}

}  // namespace rollo::tests
