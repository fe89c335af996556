// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace rollo::virt {

/// How to reach libvirt, and how long to wait for it. The defaults suit a host; tests shorten them.
struct Settings {
    std::string uri = "qemu:///system";
    std::chrono::milliseconds sampleInterval{5000};
    /// virDomainSetMemoryStatsPeriod for running guests; 0 never touches a guest's period.
    int balloonPeriodSeconds = 0;
    /// Its file system gives the host's disk figures.
    std::string diskPath = "/var/lib/libvirt";

    /// virConnectSetKeepAlive: a silent daemon is given up after about interval × (count + 1).
    /// 0: it may be silent.
    int keepAliveIntervalSeconds = 1;
    unsigned keepAliveCount = 3;
    std::chrono::milliseconds openDeadline{10000};
    /// Of one call on the control connection. A frozen daemon is noticed earlier, by the keepalive;
    /// and where somebody destroys a guest whose QEMU hangs, libvirt lets every listing wait for
    /// 10 to 15 s.
    std::chrono::milliseconds controlDeadline{20000};
    /// Of one statistics call; unset: twice the interval, from 5 to 10 s.
    std::optional<std::chrono::milliseconds> sampleDeadline;
    /// Statistics calls that may hang at the same time, at least 2: each holds a worker of the
    /// daemon.
    std::size_t maxStuckCalls = 12;
    /// Between two looks at the jobs of all domains; and at those who have one, while they have.
    std::chrono::milliseconds jobInterval{3000};
    std::chrono::milliseconds jobFastInterval{1000};
    /// Of one call of such a look. A frozen daemon is noticed earlier, by the keepalive.
    std::chrono::milliseconds jobDeadline{5000};
    /// Such calls that may hang at the same time: each holds a worker of the daemon.
    std::size_t maxStuckJobCalls = 4;
    /// Of one console's output, while nobody takes it.
    std::size_t consoleStagingBytes = std::size_t{1} << 20;
    /// After which a console's connection that is not closed is left behind.
    std::chrono::milliseconds consoleCloseDeadline{2000};
    /// With so many consoles left behind no other is opened.
    std::size_t maxConsolesLeftBehind = 16;
    std::chrono::milliseconds backOffFirst{1000};
    std::chrono::milliseconds backOffLongest{30000};

    std::chrono::milliseconds effectiveSampleDeadline() const {
        using std::chrono::milliseconds;
        return sampleDeadline.value_or(
            std::clamp(2 * sampleInterval, milliseconds(5000), milliseconds(10000)));
    }
};

}  // namespace rollo::virt
