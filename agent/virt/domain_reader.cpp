// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/domain_reader.hpp"

#include <utility>

#include "agent/virt/convert.hpp"
#include "agent/virt/domain_xml.hpp"
#include "agent/virt/error.hpp"
#include "agent/virt/handle.hpp"
#include "agent/virt/host_stats.hpp"
#include "common/log.hpp"

namespace rollo::virt {

namespace {

using core::DomainDescription;

void readXml(virDomainPtr domain, DomainDescription& read, std::vector<std::string>& faults) {
    const TextHandle text(check(virDomainGetXMLDesc(domain, 0), "virDomainGetXMLDesc"));
    auto xml = readDomainXml(text.get());
    if (!xml) {
        common::log::warning("the XML of domain {} cannot be read", read.domain.name);
        return;
    }
    read.domain.name = std::move(xml->name);
    read.domain.domainId = xml->id;
    read.os = std::move(xml->os);
    read.title = std::move(xml->title);
    read.console = xml->console;
    read.consoles = std::move(xml->consoles);
    read.attachAlways = xml->attachAlways;
    read.platformId = xml->platformId;
    read.alertOverrides = std::move(xml->alerts.overrides);
    faults = std::move(xml->alerts.faults);
}

void readState(virDomainPtr domain, DomainDescription& read) {
    int state = 0;
    int reason = 0;
    check(virDomainGetState(domain, &state, &reason, 0), "virDomainGetState");
    read.status = statusOf(state);
    read.reason = stateReason(state, reason);
}

void readSize(virDomainPtr domain, DomainDescription& read) {
    virDomainInfo info{};
    check(virDomainGetInfo(domain, &info), "virDomainGetInfo");
    read.vcpus = info.nrVirtCpu;
    read.memoryMb = static_cast<std::int64_t>(info.memory / 1024);
    read.cpuTimeNs = read.domain.domainId >= 0 ? info.cpuTime : 0;
}

ReadDomain readOnce(virDomainPtr domain) {
    ReadDomain result;
    DomainDescription& read = result.description;
    read.domain = refOf(domain);
    readState(domain, read);
    readXml(domain, read, result.faults);
    readSize(domain, read);
    read.persistent = check(virDomainIsPersistent(domain), "virDomainIsPersistent") == 1;
    int autostart = 0;
    // Transient domains have no such flag, answer with an error, and never start by themselves.
    if (!read.persistent)
        read.autostart = false;
    else if (virDomainGetAutostart(domain, &autostart) == 0)
        read.autostart = autostart == 1;
    return result;
}

/// State and XML come by two calls, between which the domain may have started or stopped.
bool agrees(const DomainDescription& read) {
    const bool active = read.domain.domainId >= 0;
    switch (read.status) {
        case proto::VmStatus::stopped:
            return !active;
        case proto::VmStatus::running:
        case proto::VmStatus::paused:
            return active;
        default:
            return true;
    }
}

std::int64_t memoryTotalMb(virConnectPtr connection, const virNodeInfo& node) {
    const auto memory = nodeMemory(connection);
    const auto kib = count(memory, VIR_NODE_MEMORY_STATS_TOTAL);
    return static_cast<std::int64_t>(kib.value_or(node.memory) / 1024);
}

}  // namespace

std::optional<ReadDomain> readDomain(virDomainPtr domain) {
    constexpr int attempts = 3;
    try {
        for (int attempt = 1;; ++attempt) {
            ReadDomain read = readOnce(domain);
            if (agrees(read.description) || attempt == attempts) return read;
        }
    } catch (const LibvirtError& error) {
        if (error.domainIsGone()) return std::nullopt;
        throw;
    }
}

core::HostDescription readHost(virConnectPtr connection) {
    core::HostDescription host;
    const TextHandle name(check(virConnectGetHostname(connection), "virConnectGetHostname"));
    host.hostname = name.get();
    host.hypervisor = check(virConnectGetType(connection), "virConnectGetType");
    unsigned long version = 0;
    if (virConnectGetVersion(connection, &version) == 0)
        host.hypervisorVersion = versionText(version);
    if (virConnectGetLibVersion(connection, &version) == 0)
        host.libraryVersion = versionText(version);
    virNodeInfo node{};
    check(virNodeGetInfo(connection, &node), "virNodeGetInfo");
    host.cpus = node.cpus;
    host.memoryTotalMb = memoryTotalMb(connection, node);
    if (const TextHandle capabilities{virConnectGetCapabilities(connection)})
        host.uuid = readHostUuid(capabilities.get());
    return host;
}

}  // namespace rollo::virt
