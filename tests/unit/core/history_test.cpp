// SPDX-License-Identifier: Apache-2.0
#include "agent/core/history.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/unit/core/host_bench.hpp"

using namespace rollo;
using namespace rollo::core;
using namespace rollo::tests;
using namespace std::chrono_literals;

namespace {

proto::HistoryRow row(float value) {
    proto::HistoryRow made;
    made.fill(value);
    return made;
}

/// The first column, with -1 for what is not known.
std::vector<float> values(const proto::HistorySeries& series) {
    std::vector<float> all;
    for (const auto& rows : {series.older, series.newer})
        for (const auto& each : rows) all.push_back(std::isnan(each[0]) ? -1 : each[0]);
    return all;
}

/// When the moments are that are kept at the end of that time, in seconds.
std::vector<double> moments(const Timeline& timeline, std::chrono::milliseconds now) {
    std::vector<double> all;
    for (const auto when : timeline.times(at(now).mono).at)
        all.push_back(std::chrono::duration<double>(when - at().mono).count());
    return all;
}

/// Samples of one VM and the host that are told to a host, one after the other.
struct Sampled : HostBench {
    Sampled() { begin({runningVm(1, 5), runningVm(2, 6)}); }

    Sampled& sample(std::chrono::milliseconds when, std::vector<int> vms = {1}) {
        clock = when;
        SampleTaken taken;
        for (const int number : vms) {
            auto& domain = taken.domains.emplace_back();
            domain.uuid = uuid(static_cast<unsigned char>(number));
            domain.domainId = number + 4;
            domain.takenAt = at(when).mono;
            domain.balloonRssKib = static_cast<std::uint64_t>(when / 1s) * 1024;
        }
        taken.host.emplace();
        taken.host->takenAt = at(when).mono;
        tell(std::move(taken));
        return *this;
    }
    /// What is known of the VM's memory, which is as many MiB as seconds had passed.
    std::vector<float> memoryOf(int number) {
        const auto& state = host.state();
        const auto series = vm(number)->history.since(state.timeline.begin(at(clock).mono));
        std::vector<float> all(series.first, -2);
        for (const auto& rows : {series.older, series.newer})
            for (const auto& each : rows) all.push_back(std::isnan(each[1]) ? -1 : each[1]);
        return all;
    }
};

}  // namespace

TEST_CASE("samples every five seconds are all kept, for fifteen minutes") {
    Timeline timeline;
    for (int i = 0; i < 1000; ++i) CHECK(timeline.open(at(i * 5s + (i % 2) * 20ms).mono));
    const auto kept = moments(timeline, 999 * 5s + 20ms);
    CHECK(kept.size() == 180);
    CHECK(kept.back() == 4995.02);
    CHECK(kept.front() == 4100);
    CHECK(timeline.times(at().mono).step == 5s);
}

TEST_CASE("samples that come faster are thinned, to as many in fifteen minutes") {
    Timeline timeline;
    int kept = 0;
    for (int i = 0; i <= 3600; ++i) kept += timeline.open(at(i * 1s).mono).has_value();
    CHECK(kept == 721);
    const auto left = moments(timeline, 3600s);
    CHECK(left.size() == 180);
    CHECK(left.front() == 2705);
    CHECK(left.back() == 3600);
}

TEST_CASE("samples that come slower are fewer, each with its own time") {
    Timeline timeline;
    for (int i = 0; i <= 60; ++i) timeline.open(at(i * 60s).mono);
    CHECK(moments(timeline, 3600s).size() == 16);
    for (int i = 1; i <= 10; ++i) timeline.open(at(3600s + i * 5s).mono);
    const auto kept = moments(timeline, 3650s);
    CHECK(kept.size() == 25);
    CHECK(kept.front() == 2760);
    CHECK(kept[kept.size() - 12] == 3540);
    CHECK(kept[kept.size() - 11] == 3600);
    CHECK(kept.back() == 3650);
}

TEST_CASE("a break is told once, and does not put off the samples after it") {
    Timeline timeline;
    timeline.breakOff(at().mono);
    CHECK(moments(timeline, 0s).empty());
    timeline.open(at().mono);
    timeline.breakOff(at(4s).mono);
    timeline.breakOff(at(4500ms).mono);
    CHECK(timeline.open(at(5s).mono));
    CHECK(moments(timeline, 5s) == std::vector<double>{0, 4, 5});
}

TEST_CASE("what is older than fifteen minutes is not shown") {
    Timeline timeline;
    timeline.open(at().mono);
    timeline.open(at(10s).mono);
    CHECK(moments(timeline, 15min).size() == 2);
    CHECK(moments(timeline, 15min + 1s) == std::vector<double>{10});
    CHECK(moments(timeline, 16min).empty());
}

TEST_CASE("a series is as long as it has figures, with holes where it had none") {
    Series series;
    CHECK(series.since(0).size() == 0);
    series.put(3, row(3));
    series.put(6, row(6));
    CHECK(series.since(0).first == 3);
    CHECK(values(series.since(0)) == std::vector<float>{3, -1, -1, 6});
    CHECK(series.since(4).first == 0);
    CHECK(values(series.since(4)) == std::vector<float>{-1, -1, 6});
    CHECK(series.since(7).size() == 0);
}

TEST_CASE("a series forgets what its ring does not hold") {
    Series series;
    for (Slot slot = 0; slot < 500; ++slot) series.put(slot, row(static_cast<float>(slot)));
    auto kept = values(series.since(0));
    CHECK(kept.size() == 180);
    CHECK(kept.front() == 320);
    CHECK(kept.back() == 499);
    CHECK(series.since(0).first == 320);
    CHECK(values(series.since(490)) ==
          std::vector<float>{490, 491, 492, 493, 494, 495, 496, 497, 498, 499});
    series.put(600, row(600));
    kept = values(series.since(0));
    CHECK(kept.size() == 180);
    CHECK(kept.front() == 421);
    CHECK(kept[78] == 499);
    CHECK(kept[79] == -1);
    CHECK(kept.back() == 600);
    series.put(900, row(900));
    CHECK(values(series.since(0)) == std::vector<float>{900});
}

TEST_CASE("the histories of 500 VMs take what the contract says") {
    std::vector<Series> all(500);
    std::size_t bytes = 0;
    for (const auto& each : all) bytes += each.bytes();
    CHECK(bytes <= 500 * 40);
    bytes = 0;
    for (auto& each : all) {
        for (Slot slot = 0; slot < 1000; ++slot) each.put(slot, row(1));
        CHECK(each.bytes() == sizeof(Series) + 180 * 6 * 4);
        bytes += each.bytes();
    }
    CHECK(bytes <= 500 * 4360);
    CHECK(sizeof(Timeline) <= 1500);
}

// --- what a host keeps -----------------------------------------------------------------------

TEST_CASE("a VM has a hole where it was silent, and ends where it stopped") {
    Sampled bench;
    bench.sample(5s).sample(10s, {1, 2}).sample(15s, {}).sample(20s);
    CHECK(bench.memoryOf(1) == std::vector<float>{5, 10, -1, 20});
    CHECK(bench.memoryOf(2) == std::vector<float>{-2, 10});
    bench.on(1, Lifecycle::stopped, "shutdown", 5);
    bench.sample(25s, {2});
    CHECK(bench.memoryOf(1) == std::vector<float>{5, 10, -1, 20});
    CHECK(bench.memoryOf(2) == std::vector<float>{-2, 10, -1, -1, 25});
}

TEST_CASE("all have a hole where libvirt was lost") {
    Sampled bench;
    bench.sample(5s);
    bench.clock = 7s;
    bench.lose().lose();
    bench.clock = 8s;
    bench.open().list({runningVm(1, 5)});
    bench.sample(10s);
    CHECK(bench.memoryOf(1) == std::vector<float>{5, -1, 10});
    CHECK(moments(bench.host.state().timeline, 10s) == std::vector<double>{5, 7, 10});
    const auto server = bench.host.state().serverHistory.since(0);
    CHECK(server.size() == 3);
}

TEST_CASE("a VM that is deleted takes its history along, one that is renumbered keeps it") {
    Sampled bench;
    bench.sample(5s, {1, 2});
    bench.list({claiming(runningVm(1, 5), 42)});
    REQUIRE(bench.vm(1));
    CHECK(bench.vm(1)->info.identity.id == 42);
    CHECK(bench.memoryOf(1) == std::vector<float>{5});
    CHECK_FALSE(bench.vm(2));
    bench.list({claiming(runningVm(1, 5), 42), runningVm(2, 6)});
    CHECK(bench.memoryOf(2).empty());
}

TEST_CASE("rows have the figures of the metrics in the order of the columns") {
    proto::VmMetrics vm;
    vm.cpuUsagePercent = 1;
    vm.memoryUsedMb = 2;
    vm.diskReadBytesPerSecond = 3;
    vm.diskWriteBytesPerSecond = 4;
    vm.networkRxBytesPerSecond = 5;
    vm.networkTxBytesPerSecond = 6;
    CHECK(historyRow(vm) == proto::HistoryRow{1, 2, 3, 4, 5, 6});
    proto::ServerMetrics server;
    server.cpuUsagePercent = 1;
    server.memoryUsedGb = 2;
    server.diskReadBytesPerSecond = 3;
    server.diskWriteBytesPerSecond = 4;
    server.networkRxBytesPerSecond = 5;
    CHECK(std::isnan(historyRow(server)[5]));
    server.networkTxBytesPerSecond = 6;
    CHECK(historyRow(server) == proto::HistoryRow{1, 2, 3, 4, 5, 6});
}
