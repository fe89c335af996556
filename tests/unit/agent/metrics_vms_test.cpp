// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics_vms.hpp"

#include <doctest/doctest.h>

#include <string>

#include "agent/metrics_host.hpp"
#include "tests/fakes/examples.hpp"

using namespace rollo;
using namespace rollo::tests;
using namespace std::chrono_literals;

namespace {

core::DomainSample sampled() {
    core::DomainSample sample;
    sample.takenAt = at().mono;
    sample.cpuTimeNs = 1'500'000'000;
    sample.balloonMaximumKib = 2048;
    sample.majorFaults = 7;
    sample.vcpus = {{.number = 3, .state = {}, .timeNs = 250'000'000, .delayNs = {}}};
    sample.disks = {{.name = "vda", .readBytes = 10, .readTimeNs = 500'000'000},
                    {.name = "vdb", .readBytes = 20},
                    {.name = "", .readBytes = 30}};
    sample.networks = {{.name = "vnet0", .rxBytes = 40, .txDrops = 5}};
    return sample;
}

/// VMs 1 `web`, which runs, and 2 `db`, which is stopped.
core::HostState state() {
    core::HostState state;
    for (const auto& identity : {vm(2, "db"), vm(1, "web")}) {
        core::Vm known;
        known.info = vmInfo(identity);
        state.vms.emplace(identity.uuid, known);
    }
    state.vms.at(uuid(2)).info.status = proto::VmStatus::stopped;
    state.vms.at(uuid(1)).info.vcpus = 4;
    state.vms.at(uuid(1)).lastSample = sampled();
    return state;
}

std::string vmsPage(const core::HostState& state, std::chrono::milliseconds later = {}) {
    common::MetricsText out;
    agent::writeVms(out, state, at(later).mono);
    return out.take();
}

std::string hostPage(const core::HostState& state, std::chrono::milliseconds later = {}) {
    common::MetricsText out;
    agent::writeHost(out, state, at(later).mono);
    return out.take();
}

/// The samples of a family, as they stand there.
std::string samples(const std::string& page, const std::string& name) {
    std::string all;
    for (std::size_t begin = 0; begin < page.size();) {
        const auto end = page.find('\n', begin);
        const auto line = page.substr(begin, end - begin + 1);
        if (line.starts_with(name + "{") || line.starts_with(name + " ")) all += line;
        begin = end + 1;
    }
    return all;
}

const std::string web = "uuid=\"00000000-0000-0000-0000-000000000001\"";
const std::string db = "uuid=\"00000000-0000-0000-0000-000000000002\"";

}  // namespace

TEST_CASE("a VM is told by its UUID, and by its name in one place") {
    const auto page = vmsPage(state());
    CHECK(samples(page, "rollo_vm_info") == "rollo_vm_info{" + web +
                                                ",name=\"web\",vm_id=\"1\",os=\"\"} 1\n"
                                                "rollo_vm_info{" +
                                                db + ",name=\"db\",vm_id=\"2\",os=\"\"} 1\n");
    CHECK(samples(page, "rollo_vm_status") == "rollo_vm_status{" + web +
                                                  ",status=\"running\"} 1\nrollo_vm_status{" + db +
                                                  ",status=\"stopped\"} 1\n");
    CHECK(samples(page, "libvirt_domain_info_virtual_cpus") ==
          "libvirt_domain_info_virtual_cpus{" + web + "} 4\n");
    CHECK(page.find("web", page.find("# HELP rollo_vm_status")) == std::string::npos);
}

TEST_CASE("a name is whatever it is called") {
    auto evil = state();
    evil.vms.at(uuid(1)).info.identity.name = "a\"b\\c\nd\xff} 1";
    CHECK(samples(vmsPage(evil), "rollo_vm_info").find(",name=\"a\\\"b\\\\c\\nd\uFFFD} 1\",") !=
          std::string::npos);
}

TEST_CASE("counters are in seconds and bytes, and nothing is made up") {
    const auto page = vmsPage(state());
    const auto is = [&](const std::string& name, const std::string& labels,
                        const std::string& value) {
        CHECK(samples(page, name) ==
              (value.empty() ? "" : name + "{" + web + labels + "} " + value + "\n"));
    };
    is("libvirt_domain_info_cpu_time_seconds_total", "", "1.5");
    is("rollo_vm_cpu_user_seconds_total", "", "");
    is("libvirt_domain_info_maximum_memory_bytes", "", "2097152");
    is("libvirt_domain_memory_stats_rss_bytes", "", "");
    is("libvirt_domain_memory_stats_major_fault_total", "", "7");
    is("libvirt_domain_vcpu_time_seconds_total", ",vcpu=\"3\"", "0.25");
    is("libvirt_domain_vcpu_delay_seconds_total", "", "");
    is("libvirt_domain_block_stats_read_time_seconds_total", ",device=\"vda\"", "0.5");
    is("libvirt_domain_interface_stats_receive_bytes_total", ",device=\"vnet0\"", "40");
    is("libvirt_domain_interface_stats_transmit_drops_total", ",device=\"vnet0\"", "5");
    is("libvirt_domain_interface_stats_transmit_bytes_total", "", "");
    CHECK(page.find("\n# TYPE libvirt_domain_info_cpu_time_seconds_total counter\n") !=
          std::string::npos);
    CHECK(page.find("\n# TYPE libvirt_domain_info_maximum_memory_bytes gauge\n") !=
          std::string::npos);
}

TEST_CASE("a device without a name cannot be told from the others") {
    const std::string name = "libvirt_domain_block_stats_read_bytes_total";
    CHECK(samples(vmsPage(state()), name) ==
          name + "{" + web + ",device=\"vda\"} 10\n" + name + "{" + web + ",device=\"vdb\"} 20\n");
}

TEST_CASE("old figures say so") {
    auto known = state();
    auto page = vmsPage(known, 1500ms);
    CHECK(samples(page, "rollo_vm_sample_age_seconds") ==
          "rollo_vm_sample_age_seconds{" + web + "} 1.5\n");
    CHECK(samples(page, "rollo_vm_stale").starts_with("rollo_vm_stale{" + web + "} 0\n"));
    known.vms.at(uuid(1)).metrics.emplace().stale = true;
    CHECK(samples(vmsPage(known), "rollo_vm_stale").starts_with("rollo_vm_stale{" + web + "} 1\n"));
    known.vms.at(uuid(1)).metrics.reset();
    known.vms.at(uuid(1)).info.stale = true;
    CHECK(samples(vmsPage(known), "rollo_vm_stale").starts_with("rollo_vm_stale{" + web + "} 1\n"));
}

TEST_CASE("each status has its number as libvirt has it") {
    auto known = state();
    const auto number = [&](proto::VmStatus status) {
        known.vms.at(uuid(1)).info.status = status;
        const std::string name = "libvirt_domain_info_vstate{" + web + "} ";
        const auto page = vmsPage(known);
        return page.at(page.find(name) + name.size());
    };
    using enum proto::VmStatus;
    std::string numbers;
    for (const auto status :
         {running, stopped, paused, suspended, stopping, crashed, unresponsive, unknown})
        numbers += number(status);
    CHECK(numbers == "15374610");
}

TEST_CASE("VMs, alerts and operations are counted, those that are none as well") {
    auto known = state();
    proto::Alert alert;
    alert.severity = proto::Severity::error;
    known.alerts = {{"a", alert}, {"b", alert}};
    proto::Progress progress;
    progress.status = proto::ProgressStatus::inProgress;
    known.operations = {{"o", progress}};
    const auto page = hostPage(known);
    CHECK(page.find("\nrollo_vms{status=\"running\"} 1\nrollo_vms{status=\"stopped\"} 1\n"
                    "rollo_vms{status=\"paused\"} 0\n") != std::string::npos);
    CHECK(samples(page, "rollo_alerts_firing") ==
          "rollo_alerts_firing{severity=\"info\"} 0\nrollo_alerts_firing{severity=\"warning\"} 0\n"
          "rollo_alerts_firing{severity=\"error\"} 2\n"
          "rollo_alerts_firing{severity=\"critical\"} 0\n");
    CHECK(samples(page, "rollo_operations") ==
          "rollo_operations{status=\"pending\"} 0\nrollo_operations{status=\"in_progress\"} 1\n");
}

TEST_CASE("the host's figures are in seconds, bytes and shares") {
    auto known = state();
    CHECK(samples(hostPage(known), "rollo_host_cpu_seconds_total").empty());
    core::HostSample sample;
    sample.takenAt = at().mono;
    sample.cpuUserNs = 2'500'000'000;
    sample.cpuIdleNs = 4'000'000'000;
    sample.memoryTotalKib = 4;
    sample.diskUsedBytes = 5;
    sample.networkRxBytes = 6;
    sample.swapFreeKib = 7;
    sample.pools = {{.name = "a \"b\"", .capacityBytes = 8, .availableBytes = 0, .stale = true},
                    {.name = "off"}};
    sample.loadAverage = {0.5, 1, 2.25};
    sample.pressure = {{.cpu = {25, {}}, .memory = {}, .io = {0, 50}}};
    known.hostSample = sample;
    known.serverMetrics.emplace().memoryAllocatedGb = 1.5;
    const auto page = hostPage(known, 2s);
    CHECK(samples(page, "rollo_host_cpu_seconds_total") ==
          "rollo_host_cpu_seconds_total{mode=\"user\"} 2.5\n"
          "rollo_host_cpu_seconds_total{mode=\"idle\"} 4\n");
    CHECK(samples(page, "rollo_host_memory_total_bytes") == "rollo_host_memory_total_bytes 4096\n");
    CHECK(samples(page, "rollo_host_memory_free_bytes").empty());
    CHECK(samples(page, "rollo_host_disk_used_bytes") == "rollo_host_disk_used_bytes 5\n");
    CHECK(samples(page, "rollo_host_network_receive_bytes_total") ==
          "rollo_host_network_receive_bytes_total 6\n");
    CHECK(samples(page, "rollo_host_swap_free_bytes") == "rollo_host_swap_free_bytes 7168\n");
    CHECK(samples(page, "libvirt_pool_info_capacity_bytes") ==
          "libvirt_pool_info_capacity_bytes{pool=\"a \\\"b\\\"\"} 8\n");
    CHECK(samples(page, "libvirt_pool_info_allocation_bytes").empty());
    CHECK(samples(page, "libvirt_pool_info_available_bytes") ==
          "libvirt_pool_info_available_bytes{pool=\"a \\\"b\\\"\"} 0\n");
    CHECK(samples(page, "rollo_pool_stale") ==
          "rollo_pool_stale{pool=\"a \\\"b\\\"\"} 1\nrollo_pool_stale{pool=\"off\"} 0\n");
    CHECK(samples(page, "rollo_host_load15") == "rollo_host_load15 2.25\n");
    CHECK(samples(page, "rollo_host_pressure_some_ratio") ==
          "rollo_host_pressure_some_ratio{resource=\"cpu\"} 0.25\n"
          "rollo_host_pressure_some_ratio{resource=\"io\"} 0\n");
    CHECK(samples(page, "rollo_host_pressure_full_ratio") ==
          "rollo_host_pressure_full_ratio{resource=\"io\"} 0.5\n");
    CHECK(samples(page, "rollo_host_memory_allocated_bytes") ==
          "rollo_host_memory_allocated_bytes 1610612736\n");
    CHECK(samples(page, "rollo_host_sample_age_seconds") == "rollo_host_sample_age_seconds 2\n");
}
