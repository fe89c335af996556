// SPDX-License-Identifier: Apache-2.0
#include "agent/process_meter.hpp"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "common/unique_handle.hpp"

namespace rollo::agent {
namespace {

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double cpuSeconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The second figure of /proc/self/statm, in pages (proc(5)).
std::uint64_t residentBytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t size = 0, resident = 0;
    file >> size >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t openFds() {
    const common::UniqueHandle<DIR, closedir> folder(::opendir("/proc/self/fd"));
    if (!folder) return 0;
    std::uint64_t entries = 0;
    while (::readdir(folder.get())) ++entries;
    constexpr std::uint64_t notOpen = 3;  // `.`, `..`, and the folder's own
    return entries > notOpen ? entries - notOpen : 0;
}

}  // namespace

const ProcessMeter::Figures& ProcessMeter::figures(common::Monotonic now) {
    if (readAt_ == common::Monotonic() || now - readAt_ >= interval) {
        readAt_ = now;
        figures_ = {cpuSeconds(), residentBytes(), openFds()};
    }
    return figures_;
}

double ProcessMeter::uptimeSeconds(common::Monotonic now) const {
    return std::chrono::duration<double>(now - start_.mono).count();
}

}  // namespace rollo::agent
