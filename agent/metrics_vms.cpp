// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics_vms.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace rollo::agent {
namespace {

using common::MetricsText;
using core::DiskCounters;
using core::DomainSample;
using core::NetworkCounters;
using core::VcpuCounters;

/// What libvirt counts in; the page has bytes and seconds.
enum class Unit { one, kibibytes, nanoseconds };
enum class Kind { counter, gauge };

template <class Owner>
struct Family {
    std::string_view name;
    std::string_view help;
    proto::Counter Owner::* member;
    Unit unit = Unit::one;
    Kind kind = Kind::counter;
};

constexpr Family<DomainSample> domainFamilies[] = {
    {"libvirt_domain_info_cpu_time_seconds_total", "CPU time of the VM's process, all threads.",
     &DomainSample::cpuTimeNs, Unit::nanoseconds},
    {"rollo_vm_cpu_user_seconds_total", "The part of it in user mode.", &DomainSample::cpuUserNs,
     Unit::nanoseconds},
    {"rollo_vm_cpu_system_seconds_total", "The part of it in the host's kernel.",
     &DomainSample::cpuSystemNs, Unit::nanoseconds},
    {"libvirt_domain_info_maximum_memory_bytes", "Memory that the VM may have at most.",
     &DomainSample::balloonMaximumKib, Unit::kibibytes, Kind::gauge},
    {"libvirt_domain_memory_stats_actual_balloon_bytes", "Memory that the VM has at present.",
     &DomainSample::balloonCurrentKib, Unit::kibibytes, Kind::gauge},
    {"libvirt_domain_memory_stats_rss_bytes", "Resident memory of the VM's process on the host.",
     &DomainSample::balloonRssKib, Unit::kibibytes, Kind::gauge},
    {"libvirt_domain_memory_stats_available_bytes",
     "Memory that the guest sees, as its balloon driver reports.",
     &DomainSample::balloonAvailableKib, Unit::kibibytes, Kind::gauge},
    {"libvirt_domain_memory_stats_usable_bytes",
     "Memory that the guest could give without swapping, as its balloon driver reports.",
     &DomainSample::balloonUsableKib, Unit::kibibytes, Kind::gauge},
    {"libvirt_domain_memory_stats_unused_bytes",
     "Memory that the guest does not use at all, as its balloon driver reports.",
     &DomainSample::balloonUnusedKib, Unit::kibibytes, Kind::gauge},
    {"libvirt_domain_memory_stats_major_fault_total",
     "Page faults of the guest that needed its disk, as its balloon driver reports.",
     &DomainSample::majorFaults},
    {"rollo_vm_swap_in_bytes_total", "Read by the guest from its swap space, in the same way.",
     &DomainSample::swapInKib, Unit::kibibytes},
    {"rollo_vm_swap_out_bytes_total", "Written by the guest to its swap space, in the same way.",
     &DomainSample::swapOutKib, Unit::kibibytes},
    {"rollo_vm_balloon_report_timestamp_seconds",
     "When the guest's balloon driver last reported, since the epoch; 0: never.",
     &DomainSample::balloonLastUpdate, Unit::one, Kind::gauge},
};

constexpr Family<VcpuCounters> vcpuFamilies[] = {
    {"libvirt_domain_vcpu_time_seconds_total", "CPU time of a vCPU.", &VcpuCounters::timeNs,
     Unit::nanoseconds},
    {"libvirt_domain_vcpu_delay_seconds_total",
     "How long a vCPU was ready and the host did not run it.", &VcpuCounters::delayNs,
     Unit::nanoseconds},
};

constexpr Family<DiskCounters> diskFamilies[] = {
    {"libvirt_domain_block_stats_read_bytes_total", "Read from a disk.", &DiskCounters::readBytes},
    {"libvirt_domain_block_stats_read_requests_total", "Requests that read.",
     &DiskCounters::readRequests},
    {"libvirt_domain_block_stats_read_time_seconds_total", "How long all of them took together.",
     &DiskCounters::readTimeNs, Unit::nanoseconds},
    {"libvirt_domain_block_stats_write_bytes_total", "Written to a disk.",
     &DiskCounters::writeBytes},
    {"libvirt_domain_block_stats_write_requests_total", "Requests that write.",
     &DiskCounters::writeRequests},
    {"libvirt_domain_block_stats_write_time_seconds_total", "How long all of them took together.",
     &DiskCounters::writeTimeNs, Unit::nanoseconds},
    {"libvirt_domain_block_stats_capacity_bytes", "Size of a disk, as the guest sees it.",
     &DiskCounters::capacity, Unit::one, Kind::gauge},
    {"rollo_vm_block_allocation_bytes", "Highest byte of a disk's image that was written.",
     &DiskCounters::allocation, Unit::one, Kind::gauge},
    {"libvirt_domain_block_stats_physicalsize_bytes", "Size of a disk's image on the host.",
     &DiskCounters::physical, Unit::one, Kind::gauge},
};

constexpr Family<NetworkCounters> networkFamilies[] = {
    {"libvirt_domain_interface_stats_receive_bytes_total", "Received by the guest.",
     &NetworkCounters::rxBytes},
    {"libvirt_domain_interface_stats_receive_packets_total", "Packets received by the guest.",
     &NetworkCounters::rxPackets},
    {"libvirt_domain_interface_stats_receive_errors_total", "Errors in receiving.",
     &NetworkCounters::rxErrors},
    {"libvirt_domain_interface_stats_receive_drops_total", "Packets dropped in receiving.",
     &NetworkCounters::rxDrops},
    {"libvirt_domain_interface_stats_transmit_bytes_total", "Sent by the guest.",
     &NetworkCounters::txBytes},
    {"libvirt_domain_interface_stats_transmit_packets_total", "Packets sent by the guest.",
     &NetworkCounters::txPackets},
    {"libvirt_domain_interface_stats_transmit_errors_total", "Errors in sending.",
     &NetworkCounters::txErrors},
    {"libvirt_domain_interface_stats_transmit_drops_total", "Packets dropped in sending.",
     &NetworkCounters::txDrops},
};

/// A VM, with the labels that all of its samples have.
struct Row {
    const core::Vm& vm;
    MetricsText::Written labels;
    std::vector<MetricsText::Written> vcpus, disks, networks;  ///< as in its last sample
};

using Rows = std::vector<Row>;

template <class Device>
std::vector<MetricsText::Written> labelsOf(const std::string& uuid,
                                           const std::vector<Device>& devices) {
    std::vector<MetricsText::Written> labels;
    for (const auto& device : devices)
        labels.emplace_back(MetricsText::Labels{{"uuid", uuid}, {"device", device.name}});
    return labels;
}

Row rowOf(const core::Vm& vm) {
    const std::string uuid = vm.info.identity.uuid.toString();
    Row row{vm, MetricsText::Written({{"uuid", uuid}}), {}, {}, {}};
    if (!vm.lastSample) return row;
    for (const auto& vcpu : vm.lastSample->vcpus)
        row.vcpus.emplace_back(
            MetricsText::Labels{{"uuid", uuid}, {"vcpu", fmt::format_int(vcpu.number).c_str()}});
    row.disks = labelsOf(uuid, vm.lastSample->disks);
    row.networks = labelsOf(uuid, vm.lastSample->networks);
    return row;
}

/// In the order of their ids, so that the page is the same as long as they are.
Rows rowsOf(const core::HostState& state) {
    std::vector<const core::Vm*> vms;
    for (const auto& [uuid, vm] : state.vms) vms.push_back(&vm);
    std::ranges::sort(vms, {}, [](const core::Vm* vm) { return vm->info.identity.id; });
    Rows rows;
    rows.reserve(vms.size());
    for (const core::Vm* vm : vms) rows.push_back(rowOf(*vm));
    return rows;
}

/// Roughly.
std::size_t bytesOf(const Rows& rows) {
    constexpr std::size_t ofSample = 120;
    std::size_t samples = 0;
    for (const auto& row : rows)
        samples += 8 + std::size(domainFamilies) + row.vcpus.size() * std::size(vcpuFamilies) +
                   row.disks.size() * std::size(diskFamilies) +
                   row.networks.size() * std::size(networkFamilies);
    return samples * ofSample;
}

template <class Owner>
void begin(MetricsText& out, const Family<Owner>& family) {
    if (family.kind == Kind::counter)
        out.counter(family.name, family.help);
    else
        out.gauge(family.name, family.help);
}

template <class Owner>
void sample(MetricsText& out, const Family<Owner>& family, const Owner& owner,
            const MetricsText::Written& labels) {
    const proto::Counter& value = owner.*family.member;
    if (!value) return;
    switch (family.unit) {
        case Unit::one:
            return out.sample(*value, labels);
        case Unit::kibibytes:
            return out.sample(*value * 1024, labels);
        case Unit::nanoseconds:
            return out.sample(std::chrono::nanoseconds(*value), labels);
    }
}

/// Whether it can be told from the others of its VM.
bool isNamed(const VcpuCounters&) {
    return true;
}
bool isNamed(const auto& device) {
    return !device.name.empty();
}

template <class Device>
void writeDevices(MetricsText& out, const Rows& rows, const Family<Device>& family,
                  const std::vector<Device> DomainSample::* devices,
                  const std::vector<MetricsText::Written> Row::* labels) {
    begin(out, family);
    for (const auto& row : rows) {
        if (!row.vm.lastSample) continue;
        const auto& all = *row.vm.lastSample.*devices;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (isNamed(all[i])) sample(out, family, all[i], (row.*labels)[i]);
    }
}

/// virDomainState, as exporters write it. One that does not answer runs, to libvirt.
std::uint64_t libvirtState(proto::VmStatus status) {
    using enum proto::VmStatus;
    switch (status) {
        case running:
        case unresponsive:
            return 1;
        case paused:
            return 3;
        case stopping:
            return 4;
        case stopped:
            return 5;
        case crashed:
            return 6;
        case suspended:
            return 7;
        case unknown:
            return 0;
    }
    return 0;
}

void writeIdentities(MetricsText& out, const Rows& rows) {
    out.gauge("rollo_vm_info", "What a VM is called: 1.");
    for (const auto& row : rows) {
        const auto& info = row.vm.info;
        out.sample(std::uint64_t{1}, {{"uuid", info.identity.uuid.toString()},
                                      {"name", info.identity.name},
                                      {"vm_id", fmt::format_int(info.identity.id).c_str()},
                                      {"os", info.os.value_or("")}});
    }
    out.gauge("rollo_vm_status", "The status of a VM: 1.");
    for (const auto& row : rows)
        out.sample(std::uint64_t{1}, {{"uuid", row.vm.info.identity.uuid.toString()},
                                      {"status", proto::word(row.vm.info.status)}});
}

void writeStates(MetricsText& out, const Rows& rows, common::Monotonic now) {
    out.gauge("libvirt_domain_info_vstate",
              "The same as libvirt counts: 0 unknown, 1 running, 3 paused, 4 stopping, 5 stopped, "
              "6 crashed, 7 suspended by the guest.");
    for (const auto& row : rows) out.sample(libvirtState(row.vm.info.status), row.labels);
    out.gauge("libvirt_domain_info_virtual_cpus", "vCPUs of the VM.");
    for (const auto& row : rows)
        if (row.vm.info.vcpus)
            out.sample(static_cast<std::uint64_t>(*row.vm.info.vcpus), row.labels);
    out.gauge("rollo_vm_stale", "1: the status or the figures of the VM are old.");
    for (const auto& row : rows) out.sample(std::uint64_t{row.vm.isStale()}, row.labels);
    out.gauge("rollo_vm_sample_age_seconds", "How old the figures of the VM are.");
    for (const auto& row : rows)
        if (row.vm.lastSample)
            out.sample(std::chrono::duration<double>(now - row.vm.lastSample->takenAt).count(),
                       row.labels);
}

}  // namespace

void writeVms(MetricsText& out, const core::HostState& state, common::Monotonic now) {
    const Rows rows = rowsOf(state);
    out.expect(bytesOf(rows));
    writeIdentities(out, rows);
    writeStates(out, rows, now);
    for (const auto& family : domainFamilies) {
        begin(out, family);
        for (const auto& row : rows)
            if (row.vm.lastSample) sample(out, family, *row.vm.lastSample, row.labels);
    }
    for (const auto& family : vcpuFamilies)
        writeDevices(out, rows, family, &DomainSample::vcpus, &Row::vcpus);
    for (const auto& family : diskFamilies)
        writeDevices(out, rows, family, &DomainSample::disks, &Row::disks);
    for (const auto& family : networkFamilies)
        writeDevices(out, rows, family, &DomainSample::networks, &Row::networks);
}

}  // namespace rollo::agent
