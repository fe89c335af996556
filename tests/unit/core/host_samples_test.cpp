// SPDX-License-Identifier: Apache-2.0
/// What samples make of VMs and of the host.
#include <doctest/doctest.h>

#include "tests/unit/core/host_bench.hpp"
#include "tests/unit/core/samples.hpp"

using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;
using rollo::proto::VmStatus;
using enum rollo::core::Lifecycle;

TEST_CASE("a sample of a running VM becomes its metrics") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).tell(sampled({sampleOf(1, 5)}));
    CHECK(bench.heard() == Lines{"metrics vm1"});
    bench.tell(sampled({sampleOf(1, 5, 5s, 1'000'000'000)}));
    const auto message = bench.messages().front();
    CHECK(message.number("data.metrics.cpu_usage_percent") == 20);
    CHECK(message.number("data.metrics.cpu_host_percent") == 2.5);
    CHECK(message.text("data.metrics.boot_id") == "boot-1");
    CHECK(bench.hub.seq() > 0);
}

TEST_CASE("a sample of another process, of a stopped VM, or of none, is not taken") {
    HostBench bench;
    bench.begin({runningVm(1, 5), stoppedVm(2)});
    bench.tell(sampled({sampleOf(1, 4), sampleOf(2, 5), sampleOf(2, -1), sampleOf(3, 5)}));
    CHECK(bench.heard().empty());
    CHECK_FALSE(bench.vm(1)->metrics);
}

TEST_CASE("a sample that was under way when the VM started anew is not taken") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).on(1, stopped, "shutdown", 5).start(1, 6).heard();
    bench.tell(sampled({sampleOf(1, 5)}));
    CHECK(bench.heard().empty());
    bench.tell(sampled({sampleOf(1, 6)}));
    CHECK(bench.heard() == Lines{"metrics vm1"});
}

TEST_CASE("rates do not reach over a restart of the VM") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).tell(sampled({sampleOf(1, 5)}));
    bench.on(1, stopped, "shutdown", 5);
    CHECK_FALSE(bench.vm(1)->metrics);
    bench.start(1, 6).heard();
    bench.tell(sampled({sampleOf(1, 6, 5s, 1000)}));
    CHECK(bench.messages().front().isNull("data.metrics.interval_ms"));
}

TEST_CASE("a VM whose start was undecided is sampled as soon as it is known to run") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).on(1, started, "restored", 5).on(1, resumed, "from_snapshot", 5);
    bench.tell(sampled({sampleOf(1, 5)}));
    CHECK(bench.heard() == Lines{"vm1 stopped>running (restored)", "metrics vm1"});
}

TEST_CASE("a VM that is silent keeps its last figures, stale") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).tell(sampled({sampleOf(1, 5)})).tell(silent(1));
    CHECK(bench.heard() == Lines{"metrics vm1", "metrics vm1 stale"});
    CHECK(bench.vm(1)->info.status == VmStatus::running);
    bench.tell(sampled({sampleOf(1, 5, 5s)}));
    CHECK(bench.heard() == Lines{"metrics vm1"});
}

TEST_CASE("a VM that is silent before its first sample has nothing to be stale") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).tell(silent(1)).tell(silent(9));
    CHECK(bench.heard().empty());
}

TEST_CASE("a VM whose monitor hangs is unresponsive, until a sample comes") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).tell(sampled({sampleOf(1, 5)}));
    bench.tell(unresponsive(1)).tell(unresponsive(1)).tell(unresponsive(9));
    CHECK(bench.heard() == Lines{"metrics vm1", "vm1 running>unresponsive (monitor_timeout)",
                                 "metrics vm1 stale", "metrics vm1 stale"});
    CHECK(bench.bootOf(1) == "boot-1");
    bench.tell(sampled({sampleOf(1, 5, 5s)}));
    CHECK(bench.heard() == Lines{"vm1 unresponsive>running (responsive)", "metrics vm1"});
    CHECK(bench.bootOf(1) == "boot-1");
}

TEST_CASE("a listing does not make an unresponsive VM responsive") {
    HostBench bench;
    bench.begin({runningVm(1, 5)}).tell(unresponsive(1)).heard();
    bench.list({runningVm(1, 5)});
    CHECK(bench.heard().empty());
    CHECK(bench.vm(1)->info.status == VmStatus::unresponsive);
}

TEST_CASE("a stopped VM cannot become unresponsive") {
    HostBench bench;
    bench.begin({stoppedVm(1)}).tell(unresponsive(1));
    CHECK(bench.heard().empty());
}

TEST_CASE("the host's figures count the VMs that run and what they take") {
    HostBench bench;
    auto one = runningVm(1, 5);
    one.vcpus = 2;
    one.memoryMb = 1024;
    auto two = runningVm(2, 6);
    two.status = VmStatus::paused;
    two.vcpus = 4;
    two.memoryMb = 512;
    auto three = stoppedVm(3);
    three.vcpus = 64;
    bench.begin({one, two, three});
    SampleTaken taken;
    taken.host.emplace();
    taken.host->memoryTotalKib = 1024 * 1024;
    bench.tell(taken);
    const auto message = bench.messages().front();
    CHECK(message.type() == "server_metrics_update");
    CHECK(message.integer("data.server_id") == 7);
    CHECK(message.integer("data.metrics.vms_running") == 1);
    CHECK(message.integer("data.metrics.vms_total") == 3);
    CHECK(message.integer("data.metrics.vcpus_allocated") == 6);
    CHECK(message.number("data.metrics.memory_allocated_gb") == 1.5);
    CHECK(message.number("data.metrics.memory_total_gb") == 1);
    CHECK(bench.host.state().serverMetrics);
}

TEST_CASE("the host's rates start anew after libvirt was lost") {
    HostBench bench;
    SampleTaken taken;
    taken.host.emplace();
    bench.begin({}).tell(taken);
    bench.tell(taken);
    CHECK(bench.host.state().serverMetrics->intervalMs);
    bench.lose().open().list({}).tell(taken);
    CHECK_FALSE(bench.host.state().serverMetrics->intervalMs);
    CHECK_FALSE(bench.host.state().serverMetrics->stale);
}
