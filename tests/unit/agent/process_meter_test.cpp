// SPDX-License-Identifier: Apache-2.0
#include "agent/process_meter.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <chrono>
#include <ctime>
#include <vector>

#include "common/unique_fd.hpp"
#include "tests/fakes/examples.hpp"

using namespace rollo;
using namespace rollo::tests;
using namespace std::chrono_literals;

namespace {

double cpuSecondsByClock() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

TEST_CASE("descriptors are counted, and not those of the counting") {
    agent::ProcessMeter meter(at());
    const auto before = meter.figures(at().mono).openFds;
    std::vector<common::UniqueFd> files;
    for (int i = 0; i < 5; ++i) files.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK(meter.figures(at(5s).mono).openFds == before + 5);
    files.clear();
    CHECK(meter.figures(at(10s).mono).openFds == before);
}

TEST_CASE("memory is what the process holds") {
    agent::ProcessMeter meter(at());
    const auto before = meter.figures(at().mono).residentBytes;
    CHECK(before > 1 << 20);
    const std::vector<char> held(64 << 20, 'x');
    const auto after = meter.figures(at(5s).mono).residentBytes;
    CHECK(after - before > held.size() * 9 / 10);
    CHECK(after - before < held.size() * 11 / 10);
}

TEST_CASE("processor time is that of the whole process") {
    agent::ProcessMeter meter(at());
    const double before = cpuSecondsByClock();
    const double told = meter.figures(at().mono).cpuSeconds;
    const double after = cpuSecondsByClock();
    CHECK(told >= before - 0.01);
    CHECK(told <= after + 0.01);
}

TEST_CASE("what was read is good for some seconds") {
    agent::ProcessMeter meter(at());
    const auto before = meter.figures(at().mono).openFds;
    const common::UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    CHECK(meter.figures(at(3999ms).mono).openFds == before);
    CHECK(meter.figures(at(4s).mono).openFds == before + 1);
    CHECK(meter.uptimeSeconds(at(1500ms).mono) == 1.5);
}
