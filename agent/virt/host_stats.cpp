// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/host_stats.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace rollo::virt {

namespace {

using proto::Counter;

/// Both calls have the same shape: ask how many there are, then for that many.
template <class Entry, class Call>
NodeFigures nodeFigures(Call call) {
    int size = 0;
    if (call(static_cast<Entry*>(nullptr), &size) < 0 || size <= 0) return {};
    std::vector<Entry> entries(static_cast<std::size_t>(size));
    if (call(entries.data(), &size) < 0) return {};
    NodeFigures figures;
    for (int i = 0; i < size && static_cast<std::size_t>(i) < entries.size(); ++i) {
        const Entry& entry = entries[static_cast<std::size_t>(i)];
        figures.push_back({entry.field, entry.value});
    }
    return figures;
}

std::optional<std::vector<double>> parseLoad(const std::string& text) {
    std::istringstream words(text);
    std::vector<double> load(3);
    if (!(words >> load[0] >> load[1] >> load[2])) return std::nullopt;
    return load;
}

/// `some avg10=0.12 avg60=… total=…`
proto::Figure average10(const std::string& text, const std::string& line) {
    const auto at = text.find(line + " avg10=");
    if (at == std::string::npos) return std::nullopt;
    std::istringstream words(text.substr(at + line.size() + 7));
    double value = 0;
    if (!(words >> value)) return std::nullopt;
    return value;
}

proto::Pressure parsePressure(const std::string& text) {
    return {average10(text, "some"), average10(text, "full")};
}

/// The eighth figure of the first line of /proc/stat, in ticks (proc(5)).
Counter stealNs(const std::string& stat) {
    std::istringstream words(stat);
    std::string label;
    std::uint64_t ticks = 0;
    words >> label;
    for (int column = 0; column < 8; ++column)
        if (!(words >> ticks)) return std::nullopt;
    const auto ticksPerSecond = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    return ticks * (1'000'000'000 / ticksPerSecond);
}

/// `label` with its colon.
Counter kibOf(const std::string& meminfo, std::string_view label) {
    const auto at = meminfo.find(label);
    if (at == std::string::npos) return std::nullopt;
    std::istringstream words(meminfo.substr(at + label.size()));
    std::uint64_t kib = 0;
    if (!(words >> kib)) return std::nullopt;
    return kib;
}

struct Device {
    std::string name;
    std::uint64_t rxBytes = 0, txBytes = 0;
};

/// /proc/net/dev: two lines of titles, then `name: rx… (8 columns) tx…`.
std::vector<Device> parseDevices(const std::string& text) {
    std::istringstream lines(text);
    std::vector<Device> devices;
    for (std::string line; std::getline(lines, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos) continue;
        const auto start = line.find_first_not_of(' ');
        Device device{line.substr(start, colon - start)};
        std::istringstream words(line.substr(colon + 1));
        std::uint64_t skipped = 0;
        words >> device.rxBytes;
        for (int column = 1; column < 8; ++column) words >> skipped;
        if (words >> device.txBytes) devices.push_back(std::move(device));
    }
    return devices;
}

struct Disk {
    std::string name;  ///< as below /sys/block
    std::uint64_t readBytes = 0, writtenBytes = 0;
};

/// /proc/diskstats: `major minor name reads merged sectors ms writes merged sectors …`, the sectors
/// of 512 bytes whatever the disk has (Documentation/admin-guide/iostats.rst).
std::optional<Disk> parseDisk(const std::string& line) {
    constexpr std::uint64_t sector = 512;
    std::istringstream words(line);
    std::uint64_t skipped = 0, read = 0, written = 0;
    Disk disk;
    words >> skipped >> skipped >> disk.name >> skipped >> skipped >> read;
    words >> skipped >> skipped >> skipped >> written;
    if (!words) return std::nullopt;
    std::ranges::replace(disk.name, '/', '!');
    disk.readBytes = read * sector;
    disk.writtenBytes = written * sector;
    return disk;
}

void readDiskSpace(core::HostSample& sample, const std::string& path) {
    struct statvfs disk{};
    if (statvfs(path.c_str(), &disk) != 0) return;
    sample.diskTotalBytes = disk.f_blocks * disk.f_frsize;
    sample.diskUsedBytes = (disk.f_blocks - disk.f_bfree) * disk.f_frsize;
}

}  // namespace

NodeFigures nodeMemory(virConnectPtr connection) {
    return nodeFigures<virNodeMemoryStats>([connection](auto* entries, int* size) {
        return virNodeGetMemoryStats(connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, entries, size, 0);
    });
}

NodeFigures nodeCpu(virConnectPtr connection) {
    return nodeFigures<virNodeCPUStats>([connection](auto* entries, int* size) {
        return virNodeGetCPUStats(connection, VIR_NODE_CPU_STATS_ALL_CPUS, entries, size, 0);
    });
}

std::optional<std::uint64_t> count(const NodeFigures& figures, std::string_view name) {
    for (const auto& figure : figures)
        if (figure.name == name) return figure.value;
    return std::nullopt;
}

std::string HostFiles::slurp(const std::string& path) const {
    std::ifstream file(root_ + path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void HostFiles::read(core::HostSample& sample) const {
    sample.loadAverage = parseLoad(slurp("/proc/loadavg"));
    std::istringstream uptime(slurp("/proc/uptime"));
    if (double seconds = 0; uptime >> seconds)
        sample.uptimeSeconds = static_cast<std::int64_t>(seconds);
    const std::string cpuPressure = slurp("/proc/pressure/cpu");
    if (!cpuPressure.empty())
        sample.pressure = {parsePressure(cpuPressure),
                           parsePressure(slurp("/proc/pressure/memory")),
                           parsePressure(slurp("/proc/pressure/io"))};
    sample.cpuStealNs = stealNs(slurp("/proc/stat"));
    const std::string memory = slurp("/proc/meminfo");
    sample.memoryAvailableKib = kibOf(memory, "MemAvailable:");
    sample.swapTotalKib = kibOf(memory, "SwapTotal:");
    sample.swapFreeKib = kibOf(memory, "SwapFree:");
    readNetwork(sample);
    readDisks(sample);
}

/// Traffic is counted where it enters and leaves the host: at the hardware, and not once more at
/// the bridge, the bond or the guest's tap that it passes. A host without any hardware of its own
/// (a container) counts what is stacked on nothing.
void HostFiles::readNetwork(core::HostSample& sample) const {
    const auto devices = parseDevices(slurp("/proc/net/dev"));
    for (const bool hardwareOnly : {true, false}) {
        std::uint64_t rx = 0, tx = 0;
        bool any = false;
        for (const Device& device : devices) {
            if (!isUplink(device.name, hardwareOnly)) continue;
            any = true;
            rx += device.rxBytes;
            tx += device.txBytes;
        }
        if (!any) continue;
        sample.networkRxBytes = rx;
        sample.networkTxBytes = tx;
        return;
    }
}

/// The disks of the machine, and not what lies on them once more: partitions, volumes, arrays.
void HostFiles::readDisks(core::HostSample& sample) const {
    std::istringstream lines(slurp("/proc/diskstats"));
    std::uint64_t read = 0, written = 0;
    bool any = false;
    for (std::string line; std::getline(lines, line);) {
        const auto disk = parseDisk(line);
        std::error_code ignored;
        if (!disk ||
            !std::filesystem::exists(root_ + "/sys/block/" + disk->name + "/device", ignored))
            continue;
        any = true;
        read += disk->readBytes;
        written += disk->writtenBytes;
    }
    if (!any) return;
    sample.diskReadBytes = read;
    sample.diskWriteBytes = written;
}

bool HostFiles::isUplink(const std::string& device, bool hardwareOnly) const {
    namespace fs = std::filesystem;
    const fs::path directory = root_ + "/sys/class/net/" + device;
    std::error_code ignored;
    if (hardwareOnly) return fs::exists(directory / "device", ignored);
    if (device == "lo" || device.starts_with("vnet")) return false;
    for (const char* mark : {"tun_flags", "bridge", "bonding"})
        if (fs::exists(directory / mark, ignored)) return false;
    for (const auto& entry : fs::directory_iterator(directory, ignored))
        if (entry.path().filename().string().starts_with("lower_")) return false;
    return true;
}

core::HostSample sampleHost(virConnectPtr connection, const std::string& diskPath) {
    core::HostSample sample;
    const auto cpu = nodeCpu(connection);
    sample.takenAt = std::chrono::steady_clock::now();
    sample.cpuUserNs = count(cpu, VIR_NODE_CPU_STATS_USER);
    sample.cpuKernelNs = count(cpu, VIR_NODE_CPU_STATS_KERNEL);
    sample.cpuIdleNs = count(cpu, VIR_NODE_CPU_STATS_IDLE);
    sample.cpuIowaitNs = count(cpu, VIR_NODE_CPU_STATS_IOWAIT);
    const auto memory = nodeMemory(connection);
    sample.memoryTotalKib = count(memory, VIR_NODE_MEMORY_STATS_TOTAL);
    sample.memoryFreeKib = count(memory, VIR_NODE_MEMORY_STATS_FREE);
    sample.memoryBuffersKib = count(memory, VIR_NODE_MEMORY_STATS_BUFFERS);
    sample.memoryCachedKib = count(memory, VIR_NODE_MEMORY_STATS_CACHED);
    HostFiles().read(sample);
    readDiskSpace(sample, diskPath);
    return sample;
}

}  // namespace rollo::virt
