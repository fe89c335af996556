// SPDX-License-Identifier: Apache-2.0
#include "agent/virt/storage_pools.hpp"

#include <libvirt/virterror.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <chrono>
#include <memory>
#include <vector>

#include "agent/virt/error.hpp"
#include "agent/virt/handle.hpp"
#include "agent/virt/xml.hpp"

namespace rollo::virt {

namespace {

using PoolHandle = common::UniqueHandle<virStoragePool, virStoragePoolFree>;

std::string stateWord(int state) {
    switch (state) {
        case VIR_STORAGE_POOL_INACTIVE:
            return "inactive";
        case VIR_STORAGE_POOL_BUILDING:
            return "building";
        case VIR_STORAGE_POOL_RUNNING:
            return "running";
        case VIR_STORAGE_POOL_DEGRADED:
            return "degraded";
        case VIR_STORAGE_POOL_INACCESSIBLE:
            return "inaccessible";
        default:
            return "unknown";
    }
}

bool liesInFileSystem(const PoolPlace& place) {
    return !place.path.empty() &&
           (place.type == "dir" || place.type == "fs" || place.type == "netfs");
}

/// As libvirt counts at a refresh (virStorageBackendRefreshLocal).
void readFileSystem(core::PoolSample& sample, const std::string& path) {
    struct stat place{};
    struct statvfs figures{};
    if (stat(path.c_str(), &place) != 0 || statvfs(path.c_str(), &figures) != 0) return;
    sample.fileSystem = place.st_dev;
    sample.capacityBytes = figures.f_blocks * figures.f_frsize;
    sample.availableBytes = figures.f_bfree * figures.f_frsize;
    sample.allocationBytes = (figures.f_blocks - figures.f_bfree) * figures.f_frsize;
}

void readInfo(core::PoolSample& sample, virStoragePoolPtr pool) {
    virStoragePoolInfo info{};
    if (virStoragePoolGetInfo(pool, &info) != 0) {
        sample.state = stateWord(-1);
        return;
    }
    sample.state = stateWord(info.state);
    if (info.state == VIR_STORAGE_POOL_INACTIVE) return;
    sample.capacityBytes = info.capacity;
    sample.allocationBytes = info.allocation;
    sample.availableBytes = info.available;
}

core::PoolSample readPool(virStoragePoolPtr pool, PoolWalk& walk,
                          const std::function<void()>& step) {
    core::PoolSample sample;
    if (const char* name = virStoragePoolGetName(pool)) sample.name = name;
    virStoragePoolGetUUID(pool, sample.uuid.bytes.data());
    step();
    readInfo(sample, pool);
    step();
    if (int autostart = 0; virStoragePoolGetAutostart(pool, &autostart) == 0)
        sample.autostart = autostart != 0;
    step();
    const TextHandle xml(virStoragePoolGetXMLDesc(pool, 0));
    const PoolPlace place = xml ? parsePool(xml.get()) : PoolPlace{};
    sample.type = place.type.empty() ? "unknown" : place.type;
    step();
    if (sample.capacityBytes && liesInFileSystem(place)) {
        sample.stale = walk.avoids(sample.uuid);
        if (!sample.stale) {
            walk.isInside(sample.uuid);
            readFileSystem(sample, place.path);
            walk.isInside(std::nullopt);
        }
    }
    sample.takenAt = std::chrono::steady_clock::now();
    return sample;
}

std::vector<PoolHandle> listPools(virConnectPtr connection) {
    virStoragePoolPtr* list = nullptr;
    const int size = virConnectListAllStoragePools(connection, &list, 0);
    if (size < 0 && virGetLastErrorCode() == VIR_ERR_NO_SUPPORT) return {};
    check(size, "virConnectListAllStoragePools");
    const std::unique_ptr<virStoragePoolPtr, decltype(&std::free)> owner(list, &std::free);
    return {list, list + size};
}

}  // namespace

PoolPlace parsePool(const std::string& text) {
    const auto document = xml::parse(text);
    xmlNode* root = document ? xmlDocGetRootElement(document.get()) : nullptr;
    if (!root || !xml::is(root, "pool")) return {};
    xmlNode* path = xml::child(xml::child(root, "target"), "path");
    return {xml::attribute(root, "type"), path ? xml::textOf(path) : std::string()};
}

core::Pools readPools(virConnectPtr connection, PoolWalk& walk, const std::function<void()>& step) {
    step();
    core::Pools pools;
    for (const auto& pool : listPools(connection))
        pools.push_back(readPool(pool.get(), walk, step));
    return pools;
}

}  // namespace rollo::virt
