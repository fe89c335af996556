// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/domain_stats.hpp"

#include <charconv>
#include <string>
#include <utility>

#include "agent/virt/convert.hpp"

namespace rollo::virt {

namespace {

using core::DiskCounters;
using core::DomainSample;
using core::NetworkCounters;
using core::VcpuCounters;

constexpr std::size_t mostDevices = 4096;

template <class Owner>
struct Key {
    std::string_view name;
    proto::Counter Owner::* member;
};

constexpr Key<DomainSample> domainKeys[] = {
    {"cpu.time", &DomainSample::cpuTimeNs},
    {"cpu.user", &DomainSample::cpuUserNs},
    {"cpu.system", &DomainSample::cpuSystemNs},
    {"balloon.current", &DomainSample::balloonCurrentKib},
    {"balloon.maximum", &DomainSample::balloonMaximumKib},
    {"balloon.available", &DomainSample::balloonAvailableKib},
    {"balloon.unused", &DomainSample::balloonUnusedKib},
    {"balloon.usable", &DomainSample::balloonUsableKib},
    {"balloon.rss", &DomainSample::balloonRssKib},
    {"balloon.last-update", &DomainSample::balloonLastUpdate},
    {"balloon.swap_in", &DomainSample::swapInKib},
    {"balloon.swap_out", &DomainSample::swapOutKib},
    {"balloon.major_fault", &DomainSample::majorFaults},
};
constexpr Key<DiskCounters> diskKeys[] = {
    {"rd.reqs", &DiskCounters::readRequests}, {"rd.bytes", &DiskCounters::readBytes},
    {"rd.times", &DiskCounters::readTimeNs},  {"wr.reqs", &DiskCounters::writeRequests},
    {"wr.bytes", &DiskCounters::writeBytes},  {"wr.times", &DiskCounters::writeTimeNs},
    {"capacity", &DiskCounters::capacity},    {"allocation", &DiskCounters::allocation},
    {"physical", &DiskCounters::physical},
};
constexpr Key<NetworkCounters> networkKeys[] = {
    {"rx.bytes", &NetworkCounters::rxBytes}, {"rx.pkts", &NetworkCounters::rxPackets},
    {"rx.errs", &NetworkCounters::rxErrors}, {"rx.drop", &NetworkCounters::rxDrops},
    {"tx.bytes", &NetworkCounters::txBytes}, {"tx.pkts", &NetworkCounters::txPackets},
    {"tx.errs", &NetworkCounters::txErrors}, {"tx.drop", &NetworkCounters::txDrops},
};

template <class Owner, std::size_t size>
void assign(Owner& owner, const Key<Owner> (&keys)[size], std::string_view name,
            const virTypedParameter& parameter) {
    for (const auto& key : keys)
        if (key.name == name) owner.*key.member = countOf(parameter);
}

struct IndexedName {
    std::size_t index;
    std::string_view rest;
};

/// `3.rd.bytes` as 3 and `rd.bytes`.
std::optional<IndexedName> splitIndex(std::string_view name) {
    IndexedName split{};
    const char* end = name.data() + name.size();
    const auto [after, error] = std::from_chars(name.data(), end, split.index);
    if (error != std::errc() || after == end || *after != '.' || split.index >= mostDevices)
        return std::nullopt;
    split.rest = std::string_view(after + 1, static_cast<std::size_t>(end - after - 1));
    return split;
}

template <class Device>
Device& at(std::vector<Device>& devices, std::size_t index) {
    if (devices.size() <= index) devices.resize(index + 1);
    return devices[index];
}

void readDisk(DomainSample& sample, const IndexedName& name, const virTypedParameter& parameter) {
    auto& disk = at(sample.disks, name.index);
    if (name.rest == "name") disk.name = textOf(parameter);
    assign(disk, diskKeys, name.rest, parameter);
}

void readNetwork(DomainSample& sample, const IndexedName& name,
                 const virTypedParameter& parameter) {
    auto& network = at(sample.networks, name.index);
    if (name.rest == "name") network.name = textOf(parameter);
    assign(network, networkKeys, name.rest, parameter);
}

/// vCPUs that are offline leave holes in the numbers.
VcpuCounters& vcpuNumber(DomainSample& sample, std::size_t number) {
    const auto wanted = static_cast<std::int64_t>(number);
    for (auto& vcpu : sample.vcpus)
        if (vcpu.number == wanted) return vcpu;
    sample.vcpus.emplace_back().number = wanted;
    return sample.vcpus.back();
}

void readVcpu(DomainSample& sample, const IndexedName& name, const virTypedParameter& parameter) {
    auto& vcpu = vcpuNumber(sample, name.index);
    if (name.rest == "state" && parameter.type == VIR_TYPED_PARAM_INT)
        vcpu.state = vcpuState(parameter.value.i);
    if (name.rest == "time") vcpu.timeNs = countOf(parameter);
    if (name.rest == "delay") vcpu.delayNs = countOf(parameter);
}

using DeviceReader = void (*)(DomainSample&, const IndexedName&, const virTypedParameter&);
constexpr std::pair<std::string_view, DeviceReader> deviceReaders[] = {
    {"block.", readDisk}, {"net.", readNetwork}, {"vcpu.", readVcpu}};

}  // namespace

core::DomainSample sampleOf(TypedParams parameters) {
    DomainSample sample;
    for (const auto& parameter : parameters) {
        const std::string_view name = parameter.field;
        assign(sample, domainKeys, name, parameter);
        for (const auto& [prefix, read] : deviceReaders) {
            if (!name.starts_with(prefix)) continue;
            if (const auto split = splitIndex(name.substr(prefix.size())))
                read(sample, *split, parameter);
        }
    }
    return sample;
}

bool monitorAnswered(TypedParams parameters) {
    return find(parameters, "balloon.rss") != nullptr;
}

}  // namespace rollo::virt
